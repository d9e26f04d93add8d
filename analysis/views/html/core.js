// SPDX-License-Identifier: Apache-2.0
"use strict";

// Everything shown comes out of a traced program: text goes into the page as text, never as markup.
const $ = id => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

function duration(ns) {
  if (ns === null || ns === undefined) return "-";
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]];
  for (const [size, name] of units) {
    if (Math.abs(ns) >= size || name === "ns") {
      const value = ns / size;
      return `${value >= 100 || name === "ns" ? Math.round(value) : value.toPrecision(3)} ${name}`;
    }
  }
}

function bytes(value) {
  if (value < 0) return `-${bytes(-value)}`;
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < names.length - 1) { value /= 1024; at++; }
  return `${at && value < 100 ? value.toPrecision(3) : Math.round(value)} ${names[at]}`;
}

const count = value => Math.round(value).toLocaleString("en-US");
const share = value => `${(100 * value).toFixed(1)} %`;

function figure(kind, value) {
  if (value === null || value === undefined) return "-";
  switch (kind) {
    case "duration": return duration(value);
    case "bytes": return bytes(value);
    case "count": return count(value);
    case "share": return share(value);
    case "ratio": return value.toFixed(2);
    case "bool": return value ? "yes" : "no";
    case "dollars": return `$${value < 0.01 ? value.toFixed(6) : value.toFixed(2)}`;
    default: return String(value);
  }
}

// Okabe and Ito's colours, which people tell apart however they see colour; every use has its name beside it.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7a5195", "#4f6d7a", "#8c564b",
  "#17becf", "#bcbd22", "#5c8a3a", "#c49c94", "#3f51b5", "#b07aa1"];
const UNKNOWN_COLOUR = "#999999";
const colours = new Map();

// The next free colour for each new thing, so that no two that are shown together share one for long.
function colourOf(number) {
  if (!colours.has(number)) colours.set(number, COLOURS[colours.size % COLOURS.length]);
  return colours.get(number);
}

function hash(text) {
  let value = 5381;
  for (let i = 0; i < text.length; i++) value = (value * 33 + text.charCodeAt(i)) >>> 0;
  return value;
}

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function say(text) { $("live").textContent = text; }

async function readData() {
  const packed = Uint8Array.from(atob($("data").textContent.trim()), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Spans as columns; children in the order of their starts.
class Spans {
  constructor(data) {
    Object.assign(this, data.spans);
    this.size = this.id.length;
    this.operations = data.operations;
    this.byId = new Map();
    for (let i = 0; i < this.size; i++) this.byId.set(this.id[i], i);
    data.words.wait && Object.entries(data.words.wait).forEach(([number, word]) => word.name === "unknown" && colours.set(Number(number), UNKNOWN_COLOUR));
    this.children = new Map();
    this.roots = [];
    for (let i = 0; i < this.size; i++) {
      const parent = this.byId.get(this.parent[i]);
      if (parent === undefined || parent === i) { this.roots.push(i); continue; }
      const list = this.children.get(parent);
      if (list) list.push(i); else this.children.set(parent, [i]);
    }
    const order = (a, b) => this.start[a] - this.start[b] || this.id[a] - this.id[b];
    this.roots.sort(order);
    for (const list of this.children.values()) list.sort(order);
  }
  name(i) { return this.label[i] || this.operations[this.operation[i]].name || "?"; }
  end(i) { return this.start[i] + this.duration[i]; }
  kids(i) { return this.children.get(i) || []; }
  parentOf(i) { return this.byId.get(this.parent[i]); }
}

// A canvas as sharp as the screen.
function fit(canvas, height) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth || 600;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  return [context, width];
}

function clip(context, text, room) {
  if (room < 16) return "";
  if (context.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(text.slice(0, middle) + "…").width <= room) low = middle; else high = middle - 1;
  }
  return low ? text.slice(0, low) + "…" : "";
}

// Black or white, whichever is read better on the colour.
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000000" : "#ffffff";
}
