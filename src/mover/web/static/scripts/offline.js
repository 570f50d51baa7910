"use strict";
// A worker that keeps one page for when there is no network. Where certificates are not trusted, browsers refuse it.
navigator.serviceWorker?.register("/offline.js").catch(() => undefined);
