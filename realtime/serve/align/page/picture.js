// The frame with its faces: drawn, looked at from near, and dragged.

import { $ } from "/panel/dom.js";

const NEAR = 10; // CSS pixels within which a landmark is meant
const ROOM = 2.2; // of a head box that fills the stage

// iBUG's 68 points: jaw, brows, nose, eyes, lips; what is closed says so.
const LINES = [[0, 16], [17, 21], [22, 26], [27, 30], [31, 35], [36, 41, true], [42, 47, true], [48, 59, true], [60, 67, true]];

const canvas = $("picture");
const context = canvas.getContext("2d");

let image = null;
let size = [1, 1]; // of the frame, in its own pixels: the image may be smaller
let faces = [];
let chosen = { track: null, point: null };
let view = { zoom: 1, x: 0, y: 0 }; // CSS pixels a frame pixel, and the frame point in the middle of the stage
let near = false;

export function box({ landmarks }) {
  const [xs, ys] = [0, 1].map((axis) => landmarks.map((point) => point[axis]));
  const [x0, y0, x1, y1] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return [x0, y0 - 0.33 * (y1 - y0), x1, y1];
}

export const isNear = () => near;

/** Show this: `picture` stays what it was where it is null. */
export function show(picture, of, list, selection) {
  image = picture ?? image;
  [size, faces, chosen] = [of, list, selection];
  if (near) follow(); else fit();
  draw();
}

/** The whole frame, or the chosen face. */
export function look(closely) {
  near = closely;
  if (near) follow(true); else fit();
  draw();
}

function fit() {
  const { width, height } = canvas.getBoundingClientRect();
  view = { zoom: Math.min(width / size[0], height / size[1]), x: (size[0] - 1) / 2, y: (size[1] - 1) / 2 };
}

function follow(anew = false) {
  const face = faces.find((each) => each.track === chosen.track) ?? faces[0];
  if (!face) return;
  const { width, height } = canvas.getBoundingClientRect();
  const [x0, y0, x1, y1] = box(face);
  const zoom = Math.min(width, height) / (ROOM * Math.max(x1 - x0, y1 - y0, 1));
  // While one steps from frame to frame the view stays, unless the face leaves it.
  const away = Math.hypot(view.x - (x0 + x1) / 2, view.y - (y0 + y1) / 2) * view.zoom;
  if (anew || view.zoom < zoom / 2 || away > Math.min(width, height) / 4) view = { zoom, x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
}

// The centre of the first pixel is (0, 0), in frames and here.
const toStage = ([x, y]) => {
  const { width, height } = canvas.getBoundingClientRect();
  return [(x - view.x) * view.zoom + width / 2, (y - view.y) * view.zoom + height / 2];
};
export const toFrame = ([x, y]) => {
  const { width, height } = canvas.getBoundingClientRect();
  return [(x - width / 2) / view.zoom + view.x, (y - height / 2) / view.zoom + view.y];
};

export function draw() {
  const { width, height } = canvas.getBoundingClientRect();
  const dense = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * dense)) canvas.width = Math.round(width * dense);
  if (canvas.height !== Math.round(height * dense)) canvas.height = Math.round(height * dense);
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!image) return;
  const [left, top] = toStage([-0.5, -0.5]);
  context.imageSmoothingEnabled = view.zoom < 3;
  context.drawImage(image, left, top, size[0] * view.zoom, size[1] * view.zoom);
  for (const face of faces) drawFace(face, face.track === chosen.track);
}

function drawFace(face, isChosen) {
  const color = isChosen ? "#ffb454" : "#7db8f0"; // on any picture, by day and by night
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = 1;
  const [x0, y0, x1, y1] = box(face);
  const [[left, top], [right, bottom]] = [toStage([x0, y0]), toStage([x1, y1])];
  context.globalAlpha = 0.6;
  context.strokeRect(left, top, right - left, bottom - top);
  context.beginPath();
  for (const [first, last, closed] of LINES) {
    for (let at = first; at <= last; at += 1) {
      const [x, y] = toStage(face.landmarks[at]);
      if (at === first) context.moveTo(x, y); else context.lineTo(x, y);
    }
    if (closed) context.lineTo(...toStage(face.landmarks[first]));
  }
  context.stroke();
  context.globalAlpha = 1;
  const radius = near ? 3 : 2;
  face.landmarks.forEach((point, at) => {
    const [x, y] = toStage(point);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    if (!isChosen || at !== chosen.point) return;
    context.lineWidth = 2;
    context.strokeStyle = "#ffffff";
    context.beginPath();
    context.arc(x, y, radius + 4, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = color;
    context.lineWidth = 1;
  });
  const words = `track ${face.track}${face.placed ? ", placed" : ""}`;
  context.font = "600 13px system-ui, sans-serif";
  context.fillStyle = "#0b0a09cc";
  context.fillRect(left, top - 19, context.measureText(words).width + 10, 19);
  context.fillStyle = color;
  context.fillText(words, left + 5, top - 5);
}

/** What lies under a point of the stage: a face and perhaps one of its landmarks. */
function under(at) {
  let best = { distance: NEAR, face: null, point: null };
  for (const face of faces) {
    face.landmarks.forEach((landmark, point) => {
      const [x, y] = toStage(landmark);
      const distance = Math.hypot(x - at[0], y - at[1]) - (face.track === chosen.track ? 1 : 0);
      if (distance < best.distance) best = { distance, face, point };
    });
  }
  if (best.face) return best;
  const [x, y] = toFrame(at);
  const face = faces.find((each) => { const [x0, y0, x1, y1] = box(each); return x >= x0 && x <= x1 && y >= y0 && y <= y1; });
  return { face: face ?? null, point: null };
}

/** Tell what the pointer does: `onChoose(track, point)`, and at the end of a drag `onMoved(face)`. */
export function listen({ onChoose, onMoved }) {
  let drag = null;
  const place = (event) => { const { left, top } = canvas.getBoundingClientRect(); return [event.clientX - left, event.clientY - top]; };

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    const at = place(event);
    const { face, point } = under(at);
    if (face) onChoose(face.track, event.shiftKey ? null : point);
    const moves = face && (event.shiftKey || point !== null);
    drag = { last: toFrame(at), from: at, face: moves ? face : null, point: event.shiftKey ? null : point, view: { ...view }, moved: false };
  };
  canvas.onpointermove = (event) => {
    if (!drag) return;
    const at = place(event);
    if (!drag.face) { // the picture itself
      view = { ...view, x: drag.view.x - (at[0] - drag.from[0]) / view.zoom, y: drag.view.y - (at[1] - drag.from[1]) / view.zoom };
      draw();
      return;
    }
    const now = toFrame(at);
    move(drag.face, drag.point, now[0] - drag.last[0], now[1] - drag.last[1]);
    [drag.last, drag.moved] = [now, true];
    draw();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    const done = drag;
    drag = null;
    if (done?.moved) onMoved(done.face);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = place(event);
    const before = toFrame(at);
    view.zoom *= Math.exp(-event.deltaY / 400);
    const after = toFrame(at);
    view.x += before[0] - after[0];
    view.y += before[1] - after[1];
    draw();
  }, { passive: false });
  new ResizeObserver(() => { if (near) draw(); else { fit(); draw(); } }).observe(canvas);
}

/** Move a landmark of a face, or all of them. */
export function move(face, point, x, y) {
  face.landmarks = face.landmarks.map((each, at) => (point === null || at === point ? [each[0] + x, each[1] + y] : each));
  face.placed = true;
}
