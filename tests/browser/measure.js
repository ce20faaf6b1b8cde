// Where everything is in the pictures of a page, in CSS pixels from each picture's upper left corner.
// Every picture is an <svg> in an element that has its name in data-picture.

function measure(holder) {
  const svg = holder.querySelector("svg");
  const whole = svg.getBoundingClientRect();
  const scale = svg.getScreenCTM().a;
  const place = (it) => {
    const at = it.getBoundingClientRect();
    return [at.left - whole.left, at.top - whole.top, at.right - whole.left, at.bottom - whole.top];
  };

  const texts = [];
  const walker = document.createTreeWalker(svg, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest("text") || !node.data.trim()) continue;
    // A space at the end of a line takes room and shows nothing.
    const shown = document.createRange();
    shown.setStart(node, node.data.length - node.data.trimStart().length);
    shown.setEnd(node, node.data.trimEnd().length);
    texts.push({
      text: node.data,
      box: node.parentElement.closest("[data-box]")?.dataset.box ?? null,
      size: parseFloat(getComputedStyle(node.parentElement).fontSize) * scale,
      at: place(shown),
    });
  }

  const boxes = Object.fromEntries(
    [...svg.querySelectorAll("[data-box]")].map((box) => [
      box.dataset.box,
      place(box.querySelector("[data-frame]")),
    ]),
  );

  const ways = [...svg.querySelectorAll("[data-connector]")].map((way) => {
    const pieces = [...way.querySelectorAll("polygon")].map(place);
    for (const line of way.querySelectorAll("polyline")) {
      const half = (parseFloat(getComputedStyle(line).strokeWidth) / 2) * scale;
      const toPage = line.getScreenCTM();
      const points = [...line.points].map((point) => point.matrixTransform(toPage));
      for (let i = 1; i < points.length; i++) {
        const xs = [points[i - 1].x - whole.left, points[i].x - whole.left];
        const ys = [points[i - 1].y - whole.top, points[i].y - whole.top];
        pieces.push([
          Math.min(...xs) - half,
          Math.min(...ys) - half,
          Math.max(...xs) + half,
          Math.max(...ys) + half,
        ]);
      }
    }
    return { ends: way.dataset.connector.split(" "), pieces };
  });

  return { width: whole.width, height: whole.height, texts, boxes, ways };
}

return Object.fromEntries(
  [...document.querySelectorAll("[data-picture]")].map((holder) => [
    holder.dataset.picture,
    measure(holder),
  ]),
);
