"""What the desk tells teammates privately. Slack markup; nothing here comes from outside."""

HELP = """*In a handoff's thread*
• A plain reply goes to the customer.
• `note: …`, `private: …`, `!note …` or a leading :lock: stays with the team.
• `!claim` `!release` `!assign @person` (or `me`) `!resolve` `!return` (to the assistant) `!help`; \
the same words after a mention of the bot, and `note TEXT`.
*Anywhere in the support room*
• `/handoff queue`, `/handoff show ID`, `/handoff claim ID`, `/handoff release ID`, \
`/handoff assign ID @person` (or `me`), `/handoff resolve ID`, `/handoff return ID`
• `/handoff hours` (whether we are open), `/handoff policy` (the one in force; `policy reload` \
reads it again), `/handoff dead` (what could not be delivered)"""

NO_SUCH_VERB = (
    "This was not sent to the customer: a message that begins with `!` is a command, and there is"
    " no command by that name. `!help` lists them."
)
NO_SUCH_MENTION = "This was not sent to the customer. `help` after my name lists what I understand."
COMMAND_ALONE = (
    "This was not sent to the customer, and nothing was done: it reads like a command. A command"
    " stands at the very beginning of a message, not in a list, in a quote or after a name."
)
EDITED_INTO_COMMAND = (
    "Your reply was taken back from the customer, because it reads like a command now. Nothing else"
    " was done: editing carries out no command. Send it as a new message."
)
NOT_BY_EDITING = "Editing carries out no command. Send it as a new message."
KEPT_AS_NOTE = (
    "The customer does not see this: it reads like a note, so it stays with the team. To send such"
    " words, begin a new reply with other ones."
)
WHOM = "Say whom to assign it to: `!assign @person` or `!assign me`. Nothing was changed."
WHOM_OF_ID = (
    "Say whom to assign it to: `/handoff assign ID @person` or `/handoff assign ID me`."
    " Nothing was changed."
)
MAY_NOT_HAVE = (
    "Handoffs cannot be assigned to guests, bots or members of other workspaces."
    " Nothing was changed."
)
EMPTY_NOTE = "Write the note after the word: `note TEXT`. Nothing was kept."
TURNED_AWAY = (
    "Your message stays in this thread: guests and members of other workspaces do not write to"
    " customers here. An admin can allow single people by id."
)
MAY_NOT_ACT = (
    "Guests and members of other workspaces cannot act on handoffs here. Nothing was changed."
)
STAYS_INSIDE = (
    "A note stays a note, also after editing. To send these words to the customer, write them as a"
    " new reply."
)
FORWARDED = "A forwarded message is not passed on. Write the customer in your own words."
CANNOT_TELL_WHO = (
    "Slack does not tell who you are right now. Nothing was changed; please try again."
)
SLACK_SILENT = "Slack does not answer us right now. Nothing was changed; please try again."
NOT_THIS_ROOM = "Handoffs are handled in the support room; this command does nothing here."
OTHER_THREAD = "This button belongs to another handoff. Nothing was changed."
NOT_STORED = "This could not be stored right now. Nothing was changed; please try again."
NO_MODAL = "Slack did not open the window for the note. `!note TEXT` in the thread does the same."
NO_SUCH_HANDOFF = "There is no handoff with that id. `/handoff queue` lists the open ones."
