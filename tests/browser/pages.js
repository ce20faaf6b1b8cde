// What is wrong with pages, each in an <iframe> that has its name in data-page: what is cut, scrolls
// sideways, is too pale (WCAG 2.2, 1.4.3, from computed styles) or too small.

const SLACK = 0.5; // browsers round where they place a glyph

function channels(colour) {
  const found = colour.match(/^rgba?\(([^)]*)\)$/);
  if (!found) throw new Error(`no colour that is understood: ${colour}`);
  const [r, g, b, a = 1] = found[1].split(/[ ,/]+/).map(Number);
  return { r, g, b, a };
}

function luminance({ r, g, b }) {
  const [x, y, z] = [r, g, b].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

function contrast(one, other) {
  const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

// The colour that an element stands on.
function ground(view, element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(view.getComputedStyle(at).backgroundColor);
    if (colour.a === 1) return colour;
    if (colour.a !== 0) throw new Error("a colour that shows what is below it");
  }
  throw new Error("a page without a ground of its own");
}

function hiddenFromEyes(element) {
  return element.closest("thead") && element.closest("thead").getBoundingClientRect().width <= 1;
}

function measure(frame) {
  const view = frame.contentWindow;
  const page = frame.contentDocument;
  const root = page.documentElement;
  const width = root.clientWidth;
  const faults = new Set();
  if (root.scrollWidth > width) faults.add(`scrolls sideways: ${root.scrollWidth} of ${width} px`);

  let smallest = Infinity;
  let texts = 0;
  let worst = Infinity;
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.data.trim();
    if (!text || element.closest("style, title, svg") || hiddenFromEyes(element)) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 0);
    if (!rects.length) continue;
    texts += 1;
    const said = text.slice(0, 40);
    const style = view.getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    smallest = Math.min(smallest, size);
    const ratio = contrast(channels(style.color), ground(view, element));
    worst = Math.min(worst, ratio);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight, 10) >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.add(`contrast ${ratio.toFixed(2)}: ${said}`);
    const cell = element.closest("td, th");
    const around = cell ? cell.getBoundingClientRect() : { left: 0, right: width };
    for (const rect of rects) {
      if (rect.left < around.left - SLACK || rect.right > around.right + SLACK)
        faults.add(`leaves its ${cell ? "cell" : "page"}: ${said}`);
    }
    if (element.closest(".whole") && rects.length > 1) faults.add(`broken: ${said}`);
  }

  let level = 0;
  for (const heading of page.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.add(`a heading of level ${next} after one of level ${level}`);
    level = next;
  }
  for (const header of page.querySelectorAll("th:not([scope])"))
    faults.add(`a header without a scope: ${header.textContent}`);
  return { faults: [...faults], smallest, texts, worst, dark: view.matchMedia("(prefers-color-scheme: dark)").matches };
}

return Object.fromEntries(
  [...document.querySelectorAll("[data-page]")].map((frame) => [frame.dataset.page, measure(frame)]),
);
