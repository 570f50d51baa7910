"use strict";
// Trusted types (demanded by the policy in the answers' headers): htmx may put in what this server rendered. No script can
// be made from text, and no address of one but the worker's that shows a page when there is no network.
if (window.trustedTypes && !window.trustedTypes.defaultPolicy) {
  window.trustedTypes.createPolicy("default", {
    createHTML: (text) => text,
    createScriptURL: (url) => {
      if (url === "/offline.js") return url;
      throw new TypeError("only the worker of this site");
    },
  });
}
