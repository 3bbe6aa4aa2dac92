// This browser's camera: its video goes to the daemon over WebRTC, and the swapped video comes back.

import { ask } from "./api.js";

let peer = null;
let number = 0; // of the connection, as the daemon counts; 0 where there is none
let confirmed = false; // whether the daemon's status has told of it

/** Connect; the swapped video is shown in `screen`. Throws where there is no camera or it is not allowed. */
export async function connect(screen) {
  await disconnect();
  if (!navigator.mediaDevices) throw new Error("Browsers give their camera to pages over https or from localhost only.");
  let camera;
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    throw new Error(error.name === "NotAllowedError"
      ? "This browser was not allowed to use its camera. Allow it beside the address, and try again."
      : `This browser has no camera that it can use (${error.message}).`);
  }
  peer = new RTCPeerConnection();
  for (const track of camera.getVideoTracks()) peer.addTrack(track, camera);
  peer.ontrack = ({ streams, track }) => { screen.srcObject = streams[0] ?? new MediaStream([track]); };
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const { type, sdp } = peer.localDescription;
  const answer = await ask("POST", "/api/browser", { type, sdp });
  [number, confirmed] = [answer.number, false];
  await peer.setRemoteDescription({ type: answer.type, sdp: answer.sdp });
}

export async function disconnect() {
  if (!peer) return;
  letGo();
  await ask("DELETE", "/api/browser");
}

/** Look at which connection the daemon has; where it is not ours any more, let go, and say why. */
export function check(connected) {
  if (!number) return ""; // no connection, or none yet
  if (connected === number) { confirmed = true; return ""; }
  if (!confirmed && connected < number) return ""; // the status is older than our connection
  letGo();
  return connected ? "Another tab or browser has taken the camera's place: its picture is the one that is swapped now."
    : "The daemon has let go of this browser's camera.";
}

function letGo() {
  for (const sender of peer.getSenders()) sender.track?.stop();
  peer.close();
  [peer, number] = [null, 0];
}

/** The offer is sent once, so it must hold every way to this browser. */
function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
  });
}
