// Uploads go through XMLHttpRequest: fetch cannot tell how much has been sent.

import { BASE, refusalOf, unreachable } from "./client";
import type { Asset } from "./types";

/** Largest file that the box takes, bytes. */
export const UPLOAD_BYTES_MAX = 2 * 1024 * 1024 * 1024;

export interface Upload {
  done: Promise<Asset>;
  cancel: () => void;
}

/** Sends a file; `progress` gets 0 to 1. A cancelled upload rejects with an `AbortError`. */
export function upload(file: File, progress: (share: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Asset>((resolve, reject) => {
    request.open("POST", `${BASE}/assets?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("x-bandstand", "1");
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as Asset);
      else reject(refusalOf(request.status, request.responseText));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}
