// The feed of messages, and the requests of the controls.

const FIRST_WAIT = 300; // ms until the feed is tried again; doubled up to LONGEST_WAIT
const LONGEST_WAIT = 3000;

// Calls onMessage with each message, and onState with whether the server can be reached.
export function follow(onMessage, onState) {
  let wait = FIRST_WAIT;
  function open() {
    const socket = new WebSocket(`ws://${location.host}/api/feed`);
    socket.addEventListener("message", (event) => {
      wait = FIRST_WAIT;
      onState(true);
      onMessage(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      onState(false, event.reason);
      setTimeout(open, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    });
  }
  open();
}

// Ask the server to do something; throws an Error with the one line that says why it did not.
export async function ask(path, wanted) {
  let answer;
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(wanted),
    });
    const body = await response.text();
    answer = response.headers.get("content-type")?.includes("json") ? JSON.parse(body) : { error: body.trim() };
  } catch {
    throw new Error("the dashboard's server does not answer");
  }
  if (!answer.ok) {
    throw new Error(answer.error || "the server refused");
  }
  return answer.result;
}
