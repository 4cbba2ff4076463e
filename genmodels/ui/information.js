// Settings that the chosen law does not heed are put away.
const HEED = { size: ["independent", "copy", "noisy channel"], noise: ["noisy channel", "XOR"] };

element.addEventListener("shown", (event) => {
  const tool = event.target;
  const law = tool.querySelector('[data-name="law"] select')?.value;
  if (law)
    for (const [name, laws] of Object.entries(HEED))
      tool.querySelector(`.field[data-name="${name}"]`)?.toggleAttribute("hidden", !laws.includes(law));
});
