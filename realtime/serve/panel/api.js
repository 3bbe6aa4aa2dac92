// Talking to the daemon: the token, requests, and the WebSocket of events.

const KEY = "mummer-token";

// The address that `mummer serve` prints carries the token behind #, which browsers never send.
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

/** Ask the daemon; the answer as JSON, or a Blob for a picture. Throws an Error with the daemon's own words. */
export async function ask(method, path, body) {
  const headers = { "x-mummer-token": token.get() };
  if (method !== "GET") headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("the daemon does not answer; is it still running?");
  }
  if (answer.status === 204) return null;
  if (answer.headers.get("content-type")?.startsWith("image/")) return answer.blob();
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `the daemon answered ${answer.status}`);
  return said;
}

/** Listen to the daemon for ever, connecting again when it goes away. */
export function listen({ onStatus, onEvent, onState }) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/events`);
  socket.onopen = () => socket.send(JSON.stringify({ token: token.get() }));
  socket.onmessage = ({ data }) => {
    const { status, event } = JSON.parse(data);
    if (status) onStatus(status);
    if (event) onEvent(event);
  };
  socket.onclose = ({ code }) => {
    onState(code === 1008 ? "refused" : "lost");
    if (code !== 1008) setTimeout(() => listen({ onStatus, onEvent, onState }), 1500);
  };
}
