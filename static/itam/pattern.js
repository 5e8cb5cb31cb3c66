// When a pool is used (a table of hours and weekdays, its numbers always there) and how many seats are enough (a curve).
(function () {
  "use strict";

  const days = () => window.lmWords("days").split("|");
  const rounded = (value, places) => value.toLocaleString(document.documentElement.lang || "en-GB", { minimumFractionDigits: places, maximumFractionDigits: places });
  const SHADES = 6;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function make(name, text, attributes) {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    Object.entries(attributes || {}).forEach(([key, value]) => node.setAttribute(key, value));
    return node;
  }

  const shown = {
    peak: { words: "heatPeak", table: "tablePeak", text: (value) => window.lmNumber(value) },
    mean: { words: "heatMean", table: "tableMean", text: (value) => rounded(value, value >= 10 ? 0 : 1) },
    denials: { words: "heatDenials", table: "tableDenials", text: (value) => window.lmNumber(value) },
  };

  function cell(data, what, day, hour) {
    const value = data[what][day][hour];
    const when = `${days()[day]} ${String(hour).padStart(2, "0")}:00`;
    if (value === null) return make("td", "–", { class: "lm-heat-none", title: window.lmWords("heatNone", { when }) });
    const highest = Math.max(1, what === "denials" ? 0 : data.limit || 0, ...data[what].flat().map((each) => each || 0));
    const text = shown[what].text(value);
    const shade = value ? Math.max(1, Math.min(SHADES, Math.ceil((SHADES * value) / highest))) : 0;
    const words = window.lmWords(shown[what].words, { when, value: text, known: data.known[day][hour] });
    const found = make("td", data.at && what === "peak" && value ? "" : text, { class: `lm-heat-${shade}`, title: words });
    if (!found.textContent) found.append(make("a", text, { href: `${data.at}?at=${encodeURIComponent(data.peak_at[day][hour])}`, "aria-label": window.lmWords("showMoment", { words }) }));
    return found;
  }

  function heat(place, data, what) {
    const head = make("tr");
    head.append(make("th", window.lmWords("hour"), { scope: "col" }), ...days().map((day) => make("th", day, { scope: "col" })));
    const top = make("thead");
    top.append(head);
    const body = make("tbody");
    for (let hour = 0; hour < 24; hour += 1) {
      const row = make("tr");
      row.append(make("th", String(hour).padStart(2, "0"), { scope: "row" }), ...days().map((_, day) => cell(data, what, day, hour)));
      body.append(row);
    }
    const table = make("table", undefined, { class: "lm-heat" });
    table.append(make("caption", window.lmWords(shown[what].table), { class: "lm-heard" }), top, body);
    place.replaceChildren(table);
  }

  // Share of the time, rising, in which so many seats were enough.
  function curve(load) {
    const { levels, observed_seconds: whole } = load;
    const [from, to] = [[], []];
    levels.forEach((level, place) => {
      from.push(100 * (1 - level.seconds / whole));
      to.push(place + 1 < levels.length ? 100 * (1 - levels[place + 1].seconds / whole) : 100);
    });
    return { from, to, seats: levels.map((level) => level.seats) };
  }

  function drawLoad(place, data) {
    const load = data.load_duration;
    const words = place.querySelector("[data-load-words]");
    if (place.plot) place.plot.destroy();
    place.plot = null;
    words.hidden = Boolean(load.observed_seconds);
    words.textContent = load.observed_seconds ? "" : window.lmWords("unobserved");
    if (!load.observed_seconds) return;
    const { from, to, seats } = curve(load);
    const axis = { stroke: colour("--lm-ink-subtle"), grid: { stroke: colour("--lm-line"), width: 1 }, ticks: { stroke: colour("--lm-line"), width: 1 }, font: "12px Inter, sans-serif" };
    const paths = (plot, series, first, last) => {
      const stroke = new Path2D();
      const fill = new Path2D();
      const floor = plot.valToPos(0, "y", true);
      for (let one = first; one <= last; one += 1) {
        const [left, right, height] = [plot.valToPos(from[one], "x", true), plot.valToPos(to[one], "x", true), plot.valToPos(seats[one], "y", true)];
        if (one === first) stroke.moveTo(left, height);
        else stroke.lineTo(left, height);
        stroke.lineTo(right, height);
        fill.rect(left, height, right - left, floor - height);
      }
      return { stroke, fill, clip: null, flags: 3 };
    };
    const marks = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.font = `${12 * devicePixelRatio}px Inter, sans-serif`;
      ctx.textAlign = "right";
      ctx.strokeStyle = ctx.fillStyle = colour("--lm-ink");
      const edge = Math.min(...load.marks.map((mark) => plot.valToPos(100 * mark.share, "x", true)));
      load.marks.forEach((mark, place) => {
        const left = plot.valToPos(100 * mark.share, "x", true);
        ctx.beginPath();
        ctx.moveTo(left, bbox.top);
        ctx.lineTo(left, bbox.top + bbox.height);
        ctx.stroke();
        ctx.fillText(window.lmWords("mark", { share: 100 * mark.share, seats: window.lmNumber(mark.seats) }), edge - 8 * devicePixelRatio, bbox.top + bbox.height / 3 + 18 * place * devicePixelRatio);
      });
      if (data.limit !== null) {
        const height = plot.valToPos(data.limit, "y", true);
        ctx.strokeStyle = colour("--lm-limit");
        ctx.beginPath();
        ctx.moveTo(bbox.left, height);
        ctx.lineTo(bbox.left + bbox.width, height);
        ctx.stroke();
      }
      ctx.restore();
    };
    const top = Math.max(1, seats[seats.length - 1], data.limit || 0);
    place.plot = new uPlot(
      {
        width: place.clientWidth,
        height: window.innerWidth < 700 ? 220 : 300,
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, range: () => [0, 100] }, y: { range: () => [0, top * 1.08] } },
        axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} %`) }, { ...axis, ...window.lmSeatAxis }],
        series: [
          { label: window.lmWords("share"), value: (_, share) => (share === null || share === undefined ? "" : window.lmWords("fromShare", { share: rounded(share, 2) })) },
          { label: window.lmWords("seats"), stroke: colour("--lm-peak"), fill: colour("--lm-peak-fill"), width: 2, paths, points: { show: false }, value: (_, number) => (number === null || number === undefined ? "" : window.lmNumber(number)) },
        ],
        hooks: { draw: [marks] },
      },
      [from, seats],
      place
    );
  }

  document.addEventListener("DOMContentLoaded", async function () {
    const panel = document.querySelector("[data-pattern]");
    if (!panel) return;
    const [table, load] = [panel.querySelector("[data-heat]"), panel.querySelector("[data-load]")];
    const buttons = [...panel.querySelectorAll("[data-heat-of]")];
    let what = "peak";
    let data;
    try {
      const answer = await fetch(panel.getAttribute("data-pattern"), { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      data = await answer.json();
    } catch (problem) {
      panel.querySelectorAll("[data-heat-words], [data-load-words]").forEach((node) => { node.textContent = window.lmWords("partFailed"); });
      return;
    }
    const show = () => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.getAttribute("data-heat-of") === what)));
      heat(table, data.heatmap, what);
    };
    data.heatmap.limit = data.limit;
    data.heatmap.at = panel.getAttribute("data-at");
    buttons.forEach((button) => button.addEventListener("click", () => { what = button.getAttribute("data-heat-of"); show(); }));
    show();
    drawLoad(load, data);
    panel.querySelectorAll("[data-mark]").forEach((node) => {
      const mark = data.load_duration.marks.find((one) => String(100 * one.share) === node.getAttribute("data-mark"));
      node.textContent = mark ? window.lmNumber(mark.seats) : "–";
    });
    new ResizeObserver(() => { if (load.plot) load.plot.setSize({ width: load.clientWidth, height: load.plot.height }); }).observe(load);
    new MutationObserver(() => drawLoad(load, data)).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  });
})();
