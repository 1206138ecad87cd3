import { openDates, register } from "numcodecs-video";
import * as zarr from "zarrita";

register(zarr.registry);

const $ = (id) => document.getElementById(id);
const megabytes = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`);
const [RED, GREEN, BLUE, INFRARED] = [2, 1, 0, 3];

// ?store=/s2.zarr&array=s2 shows another array of four bands and more: blue, green, red, infrared.
const query = new URLSearchParams(location.search);
const store = new zarr.FetchStore(new URL(query.get("store") ?? "cube.zarr", location.href));
let missing;
let brightest;

async function start() {
  const array = await zarr.open(zarr.root(store).resolve(query.get("array") ?? "s2"), { kind: "array" });
  $("array").textContent = `${array.shape.join(" × ")} ${array.dtype}, chunks of ${array.chunks.join(" × ")}`;
  missing = array.attrs._FillValue ?? 0;
  const dates = await openDates(array);
  $("date").max = dates.length - 1;

  let wanted = 0;
  let busy = null;
  const show = async () => {
    while (wanted !== null) {
      const [date, before] = [wanted, { ...dates.traffic }];
      wanted = null;
      const began = performance.now();
      const { data, shape } = await dates.read(date);
      const ms = performance.now() - began;
      draw(data, shape);
      const { requests, bytes } = dates.traffic;
      $("shown").textContent = `${date + 1} of ${dates.length}`;
      $("took").textContent = `${requests - before.requests} requests, ${megabytes(bytes - before.bytes)}, ${ms.toFixed(0)} ms`;
      $("traffic").textContent = `${requests} requests, ${megabytes(bytes)}`;
    }
    busy = null;
  };
  const choose = (date) => {
    wanted = date;
    busy ??= show();
    return busy;
  };
  $("date").oninput = () => choose(Number($("date").value)).catch(report);
  await choose(0);

  // Scrub through time, and hold the last date to what zarrita reads of the whole array, in workers.
  for (let date = 0; date < dates.length; date += 7) {
    $("date").value = date;
    await choose(date);
  }
  const middle = Math.floor(dates.length / 2);
  $("date").value = middle;
  await choose(middle);
  const began = performance.now();
  const whole = await zarr.get(array);
  const seconds = (performance.now() - began) / 1000;
  const { data } = await dates.read(middle);
  const frame = data.length;
  const same = data.every((value, i) => value === whole.data[middle * frame + i]);
  const speed = whole.data.byteLength / 1e6 / seconds;
  $("whole").textContent = `${megabytes(whole.data.byteLength)} in ${seconds.toFixed(2)} s (${speed.toFixed(0)} MB/s); date ${middle + 1} is ${same ? "the same" : "NOT the same"}`;
  $("picture").onclick = (event) => plot(whole, event.offsetX / $("picture").clientWidth, event.offsetY / $("picture").clientHeight);
  plot(whole, 0.5, 0.5);
  return { same, speed, traffic: dates.traffic, digest: await digest(whole.data), decoded: whole.data.byteLength };
}

async function digest(data) {
  const hash = await crypto.subtle.digest("SHA-256", data);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function draw(data, [, height, width]) {
  const canvas = $("picture");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const cells = height * width;
  brightest ??= 2 * quantile(data.subarray(RED * cells, (RED + 1) * cells), 0.9);
  for (let i = 0; i < cells; i++) {
    [RED, GREEN, BLUE].forEach((band, c) => {
      picture.data[4 * i + c] = 255 * Math.sqrt(Math.min(1, data[band * cells + i] / brightest));
    });
    picture.data[4 * i + 3] = isMissing(data[i]) ? 0 : 255;
  }
  context.putImageData(picture, 0, 0);
}

const isMissing = (value) => value === missing || Number.isNaN(value);

/** Of the values that are there. */
function quantile(values, part) {
  const sorted = values.filter((value) => !isMissing(value)).sort();
  return sorted[Math.floor(part * (sorted.length - 1))] ?? 1;
}

/** The vegetation index of one cell over time. */
function plot({ data, shape: [times, bands, height, width] }, right, down) {
  const [x, y] = [Math.floor(right * width), Math.floor(down * height)];
  $("cell").textContent = `row ${y}, column ${x}: vegetation index over time`;
  const value = (t, band) => data[((t * bands + band) * height + y) * width + x];
  const points = [];
  for (let t = 0; t < times; t++) {
    const [red, infrared] = [value(t, RED), value(t, INFRARED)];
    if (!isMissing(red)) points.push(`${t},${1 - (infrared - red) / (infrared + red)}`);
  }
  $("series").setAttribute("viewBox", `0 0 ${times - 1} 1`);
  $("series").innerHTML = `<polyline points="${points.join(" ")}" />`;
}

function report(error) {
  $("error").textContent = `${error.name}: ${error.message}`;
  console.error(error);
  return { error: `${error.stack}` };
}

const testing = query.has("test");
if (testing) new Image().src = "/wait"; // The page is loaded, and a screenshot taken, when this is.
const outcome = await start().catch(report);
if (testing) fetch("/report", { method: "POST", body: JSON.stringify(outcome) });
