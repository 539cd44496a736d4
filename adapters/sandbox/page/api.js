// Calls to the sandbox desk, and its live line. A refusal becomes a `Refusal` with a sentence.

const HEADER = { "X-Handoff-Desk": "1" };
const AWAY = "The bridge does not answer. What you wrote is still here; try again in a moment.";

export class Refusal extends Error {
  constructor(text, { status = 0, field } = {}) {
    super(text);
    this.status = status;
    this.field = field;
  }
}

async function call(path, options = {}) {
  const answer = await fetch(path, options).catch(() => null);
  if (!answer) throw new Refusal(AWAY);
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(body.detail || AWAY, { status: answer.status, field: body.field });
  return body;
}

const withJson = (method, value) => ({
  method,
  headers: { ...HEADER, "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

function withFiles(values, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  for (const file of files) form.append("file", file);
  return { method: "POST", headers: HEADER, body: form };
}

const thread = (id) => `/sandbox/threads/${id}`;

export const api = {
  room: () => call("/sandbox/room"),
  thread: (id) => call(thread(id)),
  reply: (id, who, text, files) =>
    call(
      thread(id) + "/posts",
      files.length ? withFiles({ as: who, text }, files) : withJson("POST", { as: who, text }),
    ),
  note: (id, who, text) => call(thread(id) + "/posts", withJson("POST", { as: who, text, note: true })),
  act: (id, who, verb, handoff_id, target) =>
    call(thread(id) + "/verbs", withJson("POST", { as: who, verb, handoff_id, ...(target && { target }) })),
  typing: (id, who) => call(thread(id) + "/typing", withJson("POST", { as: who })).catch(() => null),
  edit: (id, who, text) => call(`/sandbox/posts/${id}`, withJson("PATCH", { as: who, text })),
  remove: (id, who) =>
    call(`/sandbox/posts/${id}?as=${encodeURIComponent(who)}`, { method: "DELETE", headers: HEADER }),
};

/**
 * Keep a live line open: `take(name, data)` gets each event, `linked(up)` hears of each change.
 * `address()` is asked again whenever the line has to be opened anew.
 */
export function openLine(address, take, linked) {
  let source = null;
  let pause = 500;
  let timer = 0;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(address());
    source.onopen = () => {
      pause = 500;
      linked(true);
    };
    source.onerror = () => {
      linked(false);
      source.close();
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 1.6, 5000);
    };
    for (const name of ["thread", "post", "typing", "reset"]) {
      source.addEventListener(name, ({ data, lastEventId }) => take(name, JSON.parse(data), Number(lastEventId)));
    }
  }

  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  open();
  return { reopen: open };
}
