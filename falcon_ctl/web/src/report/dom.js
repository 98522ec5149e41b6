// Elements from code. Text is only ever set as text, never parsed.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A table in a region that scrolls; `columns`: [{ name, numeric }], cells are texts or elements.
export function table(caption, columns, rows) {
  const head = element("tr", {}, ...columns.map((column) => cell("th", column, column.name, "col")));
  const body = rows.map((row) =>
    element("tr", {}, ...row.map((content, place) =>
      cell(place === 0 ? "th" : "td", columns[place], content, place === 0 ? "row" : undefined))));
  return element("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": caption },
    element("table", {}, element("caption", {}, caption), element("thead", {}, head),
      element("tbody", {}, ...body)));
}

function cell(name, column, content, scope) {
  return element(name, { scope, class: column.numeric ? "number" : undefined }, content);
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) {
    return "-";
  }
  const large = Math.abs(value) >= 1000;
  return value.toLocaleString("en", large ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
}
