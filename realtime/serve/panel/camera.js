// This browser's camera: its video goes to the daemon over WebRTC, and the swapped video comes back.

import { ask } from "./api.js";

let peer = null;

/** Connect; the swapped video is shown in `mirror`. Throws where there is no camera or it is not allowed. */
export async function connect(mirror) {
  await disconnect();
  if (!navigator.mediaDevices) throw new Error("browsers give their camera to pages over https or from localhost only");
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  peer = new RTCPeerConnection();
  for (const track of camera.getVideoTracks()) peer.addTrack(track, camera);
  peer.ontrack = ({ streams, track }) => { mirror.srcObject = streams[0] ?? new MediaStream([track]); };
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const { type, sdp } = peer.localDescription;
  await peer.setRemoteDescription(await ask("POST", "/api/browser", { type, sdp }));
}

export async function disconnect() {
  if (!peer) return;
  for (const sender of peer.getSenders()) sender.track?.stop();
  peer.close();
  peer = null;
  await ask("DELETE", "/api/browser");
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
