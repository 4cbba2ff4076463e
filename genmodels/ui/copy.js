// Copying a text: to the clipboard, or by hand from a field, where the browser lets no page write there (plain http).
async function copy(text, button) {
  button.dataset.words ??= button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const field = document.createElement("input");
    Object.assign(field, { type: "text", className: "to-copy", readOnly: true, value: text, ariaLabel: "To be copied" });
    field.addEventListener("blur", () => field.remove());
    button.after(field);
    field.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Copy it from here";
  }
  setTimeout(() => {
    button.textContent = button.dataset.words ?? button.textContent;
    delete button.dataset.words;
  }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-do=copy-link]");
  if (button) copy(links.address(), button);
});
