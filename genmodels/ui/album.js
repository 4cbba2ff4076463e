// The large picture, and the slider over the pictures kept. They are all here already: moving it asks nobody.
const album = { pictures: new Map(), following: true, timer: null };
const keys = () => [...album.pictures.keys()].sort((a, b) => a - b);

function receive(kept, fresh) {
  for (const picture of fresh) album.pictures.set(picture.images, picture);
  for (const key of album.pictures.keys()) if (!kept.includes(key)) album.pictures.delete(key);
  const slider = find(".replay input");
  const shown = keys()[Number(slider.value)];
  const all = keys();
  slider.max = Math.max(0, all.length - 1);
  find(".replay").hidden = all.length < 2;
  if (album.following) slider.value = slider.max;
  else if (shown !== undefined) slider.value = Math.max(0, all.findIndex((key) => key >= shown));
  if (all.length) show(Number(slider.value));
}

function show(index) {
  const picture = album.pictures.get(keys()[index]);
  if (!picture) return;
  const image = find(".picture");
  if (image.dataset.images !== String(picture.images)) {
    image.dataset.images = picture.images;
    image.src = `data:image/png;base64,${picture.png}`;
    image.alt = picture.alt;
    image.hidden = false;
    find(".caption").textContent = picture.caption;
    const link = find("[data-do=picture]");
    link.href = image.src;
    link.download = picture.file;
    link.hidden = false;
  }
  const latest = index === keys().length - 1;
  find(".replay output").textContent = latest && album.following ? `${picture.after}, latest` : picture.after;
  find(".replay input").setAttribute("aria-valuetext", picture.after);
}

function forget() {
  stopReplay();
  album.pictures.clear();
  album.following = true;
  find(".replay").hidden = true;
  delete find(".picture").dataset.images;
}

function stopReplay() {
  clearInterval(album.timer);
  album.timer = null;
  find("[data-do=replay]").textContent = "Replay";
}

function replay() {
  if (album.timer) return stopReplay();
  const slider = find(".replay input");
  album.following = false;
  slider.value = 0;
  show(0);
  find("[data-do=replay]").textContent = "Halt";
  album.timer = setInterval(() => {
    if (!element.isConnected) return clearInterval(album.timer);
    if (Number(slider.value) >= Number(slider.max)) {
      album.following = true;
      return stopReplay();
    }
    slider.value = Number(slider.value) + 1;
    show(Number(slider.value));
  }, 120);
}

find(".replay input").addEventListener("input", (event) => {
  stopReplay();
  album.following = event.target.value === event.target.max;
  show(Number(event.target.value));
});
