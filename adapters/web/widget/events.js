// The text format of server-sent events (WHATWG HTML, 9.2.6) as the bridge writes it, read piece by
// piece: a line ends with a line feed, data is one line.

/**
 * Return a function that is fed text and calls `onEvent(name, data)` for each whole event; how many
 * milliseconds to wait before coming again is an event named "retry".
 */
export function createParser(onEvent) {
  let rest = "";
  let event = {};

  function take(line) {
    const [, name, value] = /^(\w*):? ?(.*)/.exec(line);
    event[name] = value;
    if (line) return; // without a name a comment: the heartbeat
    const { event: kind = "retry", data = event.retry } = event;
    if (data) onEvent(kind, data);
    event = {};
  }

  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(take);
  };
}
