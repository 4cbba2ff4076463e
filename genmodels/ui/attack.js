// Each norm has an eps of its own scale: only the one in use is shown.
element.addEventListener("shown", ({ target: tool }) => {
  const norm = tool.querySelector('[data-name="norm"] input:checked').value;
  tool.querySelector('.field[data-name="eps"]').toggleAttribute("hidden", norm !== "linf");
  tool.querySelector('.field[data-name="length"]').toggleAttribute("hidden", norm !== "l2");
});
