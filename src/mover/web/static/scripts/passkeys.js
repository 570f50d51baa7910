"use strict";
// Passkeys: the server says what the browser is to do (`data-options`), the browser's answer is posted as a form.
const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const toBase64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const decoded = (options) => {
  options.challenge = fromBase64(options.challenge);
  if (options.user) options.user.id = fromBase64(options.user.id);
  for (const list of [options.excludeCredentials, options.allowCredentials]) {
    for (const credential of list ?? []) credential.id = fromBase64(credential.id);
  }
  return options;
};

const encoded = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toBase64(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: toBase64(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
  });
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.passkey || form.elements.response.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  try {
    const asked = await fetch(form.dataset.passkey, {
      method: "POST",
      headers: { "X-CSRF-Token": form.elements.csrf_token.value },
    });
    const { ticket, options, go } = await asked.json();
    if (go) return location.assign(go);
    if (!asked.ok) throw new Error("refused");
    const publicKey = decoded(options.publicKey ?? options);
    const credential = publicKey.user
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    form.elements.ticket.value = ticket;
    form.elements.response.value = encoded(credential);
    form.submit();
  } catch (problem) {
    say(
      problem.name === "NotAllowedError"
        ? "The passkey was not used. Try again, or choose another way."
        : "The passkey could not be used here. Choose another way.",
    );
  }
}, true);
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) form.hidden = true;
}
