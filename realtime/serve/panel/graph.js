// A small line graph of the last two minutes.

const SECONDS = 120;

export class Graph {
  /** `lines` maps a name to the CSS variable of its colour. */
  constructor(canvas, lines, least) {
    this.canvas = canvas;
    this.lines = lines;
    this.least = least; // the scale's top is never below this
    this.points = [];
  }

  add(values) {
    const now = performance.now() / 1000;
    this.points.push({ at: now, ...values });
    while (this.points.length && this.points[0].at < now - SECONDS) this.points.shift();
    this.draw(now);
  }

  draw(now) {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const style = getComputedStyle(document.documentElement);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const top = Math.max(this.least, ...this.points.flatMap((point) => Object.keys(this.lines).map((key) => point[key] ?? 0))) * 1.1;
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = style.getPropertyValue("--soft");
    context.fillText(String(Math.round(top)), 4, 13);
    context.fillText("0", 4, height - 4);
    for (const [key, variable] of Object.entries(this.lines)) {
      context.strokeStyle = style.getPropertyValue(variable);
      context.lineWidth = 1.75;
      context.beginPath();
      for (const point of this.points) {
        context.lineTo(width * (1 - (now - point.at) / SECONDS), height - 2 - ((point[key] ?? 0) / top) * (height - 6));
      }
      context.stroke();
    }
  }
}
