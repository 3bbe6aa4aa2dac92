// Files that are sent to the daemon.

import { Refused, WRONG, token } from "./api.js";

/** Send a file, telling `progress` which share of it is there; returns its path. fetch would not tell how far it is. */
export function send(file, progress = () => {}) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("x-mummer-token", token.get());
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => {
      const said = request.response ?? {};
      if (request.status === 201) done(said.path);
      else failed(new Refused(request.status === 401 ? WRONG : said.error ?? `The daemon answered ${request.status}.`, request.status));
    };
    request.onerror = () => failed(new Refused("it could not be sent: too large for this daemon, or the daemon is gone", 0));
    request.send(file);
  });
}
