// Talking to the daemon: the token, requests, and the WebSocket of events.

const KEY = "mummer-token";
const AGAIN = 1500; // milliseconds until the daemon is asked again

// The address that the daemon prints carries the token behind #, which browsers never send.
const inAddress = new URLSearchParams(location.hash.slice(1)).get("token");
if (inAddress) {
  sessionStorage.setItem(KEY, inAddress);
  history.replaceState(null, "", location.pathname);
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value.trim()),
  forget: () => sessionStorage.removeItem(KEY),
};

export const WRONG = "This is not the token of this daemon. It has another one since it was set up anew, perhaps.";

/** What keeps a request from being answered: `status` is that of HTTP, 0 where the daemon did not answer at all. */
export class Refused extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/** Ask the daemon; the answer as JSON, or a Blob for a picture. Throws `Refused` with the daemon's own words. */
export async function ask(method, path, body) {
  const headers = { "x-mummer-token": token.get() };
  if (method !== "GET") headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused("The daemon does not answer.", 0);
  }
  if (answer.status === 204) return null;
  if (answer.headers.get("content-type")?.startsWith("image/")) return answer.blob();
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new Refused(WRONG, 401);
  if (!answer.ok) throw new Refused(said.error ?? `The daemon answered ${answer.status}.`, answer.status);
  return said;
}

/** Words of the daemon for somebody who has no command line. */
export const plain = (words) => words.replace(/(^|[^\w/-])--([a-z][a-z-]+)/g, (_, before, flag) => before + flag.replaceAll("-", " "));

/** Listen to the daemon for ever, connecting again when it goes away. `onState`: "open", "lost" or "refused". */
export function listen({ onStatus, onEvent, onJobs, onState }) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/events`);
  let open = false;
  socket.onopen = () => socket.send(JSON.stringify({ token: token.get() }));
  socket.onmessage = ({ data }) => {
    if (!open) { open = true; onState("open"); }
    const { status, event, jobs } = JSON.parse(data);
    if (status) onStatus(status);
    if (event) onEvent(event);
    if (jobs) onJobs(jobs);
  };
  socket.onclose = ({ code }) => {
    onState(code === 1008 ? "refused" : "lost");
    if (code !== 1008) setTimeout(() => listen({ onStatus, onEvent, onJobs, onState }), AGAIN);
  };
}
