// Uploads go through XMLHttpRequest: fetch cannot tell how much has been sent.

import { BASE, refusalOf, unreachable } from "./client";
import type { Asset, System } from "./types";

/** Largest file that the box takes, bytes. */
export const UPLOAD_BYTES_MAX = 2 * 1024 * 1024 * 1024;

export interface Upload<T = Asset> {
  done: Promise<T>;
  cancel: () => void;
}

/** Sends a file; `progress` gets 0 to 1. A cancelled upload rejects with an `AbortError`. */
function send<T>(method: string, path: string, file: File, progress: (share: number) => void): Upload<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.open(method, BASE + path);
    request.setRequestHeader("x-bandstand", "1");
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else reject(refusalOf(request.status, request.responseText));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

export const upload = (file: File, progress: (share: number) => void): Upload =>
  send("POST", `/assets?name=${encodeURIComponent(file.name)}`, file, progress);

/** Sends an update of the whole box, which then installs it. */
export const installUpdate = (file: File, progress: (share: number) => void): Upload<System> =>
  send("PUT", "/system/update", file, progress);
