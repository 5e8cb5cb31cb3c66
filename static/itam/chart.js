// Use and limit of a pool over time, from 12 months down to a minute. Null is *not known*: the line stops, the time
// is hatched, nothing is joined. A drag zooms, a click leads to the moment of the peak.
(function () {
  "use strict";

  const DAY = 86400;
  const SPANS = { year: 365 * DAY, month: 30 * DAY, week: 7 * DAY, day: DAY, hour: 3600 };
  const SHORTEST = 60;
  const STEPS = [1, 10, 60, 300, 900, 3600, 21600, 86400]; // named on the page in this order

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function hatching(ctx) {
    const size = Math.round(8 * devicePixelRatio);
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour("--lm-gap-line");
    pen.lineWidth = Math.max(1, devicePixelRatio);
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
    }
    pen.stroke();
    return ctx.createPattern(tile, "repeat");
  }

  function drawGaps(gaps) {
    return function (plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      const hatch = hatching(ctx);
      for (const gap of gaps) {
        const left = Math.max(bbox.left, plot.valToPos(gap.start, "x", true));
        const right = Math.min(bbox.left + bbox.width, plot.valToPos(gap.end, "x", true));
        if (right <= bbox.left || left >= bbox.left + bbox.width) continue;
        for (const fill of [colour("--lm-gap"), hatch]) {
          ctx.fillStyle = fill;
          ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
        }
      }
      ctx.restore();
    };
  }

  // Each known bucket is drawn over its own time and no further.
  function steps(ends) {
    return function (plot, series, first, last) {
      const stroke = new Path2D();
      const fill = new Path2D();
      const scale = plot.series[series].scale;
      const floor = plot.valToPos(0, scale, true);
      let open = false;
      for (let place = Math.max(0, first - 1); place <= last; place += 1) {
        const level = plot.data[series][place];
        if (level === null || level === undefined) {
          open = false;
          continue;
        }
        const left = plot.valToPos(plot.data[0][place], "x", true);
        const right = plot.valToPos(ends[place], "x", true);
        const height = plot.valToPos(level, scale, true);
        if (open) stroke.lineTo(left, height);
        else stroke.moveTo(left, height);
        stroke.lineTo(right, height);
        fill.rect(left, height, right - left, floor - height);
        open = true;
      }
      return { stroke, fill, clip: null, flags: 3 };
    };
  }

  function clocks(zone) {
    const make = (options) => new Intl.DateTimeFormat(document.documentElement.lang || "en-GB", { timeZone: zone, ...options });
    const formats = {
      second: make({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
      minute: make({ hour: "2-digit", minute: "2-digit" }),
      day: make({ day: "numeric", month: "short" }),
      month: make({ month: "short", year: "2-digit" }),
      full: make({ weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    };
    const say = (name, seconds) => formats[name].format(new Date(seconds * 1000));
    return {
      full: (seconds) => say("full", seconds),
      tick: (seconds, step) => {
        if (step >= 28 * DAY) return say("month", seconds);
        const text = say("minute", seconds);
        if (step >= DAY || text === "00:00") return say("day", seconds);
        return step < 60 ? say("second", seconds) : text;
      },
    };
  }

  function axis() {
    return { stroke: colour("--lm-ink-subtle"), grid: { stroke: colour("--lm-line"), width: 1 }, ticks: { stroke: colour("--lm-line"), width: 1 }, font: "12px Inter, sans-serif" };
  }

  class Chart {
    constructor(panel) {
      this.panel = panel;
      this.place = panel.querySelector("[data-chart]");
      this.words = panel.querySelector("[data-chart-words]");
      this.latest = Number(this.place.getAttribute("data-now"));
      this.asked = 0;
      const wanted = new URLSearchParams(location.search);
      const [from, to] = ["from", "to"].map((name) => Number(wanted.get(name)));
      this.view = from > 0 && to > from ? { from, to } : this.span("month");
    }

    span(name) {
      return { from: this.latest - SPANS[name], to: this.latest };
    }

    start() {
      this.panel.querySelectorAll("[data-span]").forEach((button) => button.addEventListener("click", () => this.show(this.span(button.getAttribute("data-span")))));
      this.panel.querySelectorAll("[data-move]").forEach((button) => button.addEventListener("click", () => this.move(button.getAttribute("data-move"))));
      new ResizeObserver(() => { if (this.place.plot) this.place.plot.setSize({ width: this.place.clientWidth, height: this.place.plot.height }); }).observe(this.place);
      // Light or dark is a class on the root: colours are read anew.
      new MutationObserver(() => { if (this.data) this.draw(); }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
      this.show(this.view);
    }

    move(how) {
      const { from, to } = this.view;
      const length = to - from;
      const [first, last] = { in: [from + length / 4, to - length / 4], out: [from - length / 2, to + length / 2], earlier: [from - length / 2, to - length / 2], later: [from + length / 2, to + length / 2] }[how];
      this.show({ from: first, to: last });
    }

    fit({ from, to }) {
      const length = Math.min(SPANS.year * 5, Math.max(SHORTEST, Math.round(to - from)));
      const middle = Math.round((from + to) / 2);
      const last = Math.min(this.latest, Math.max(middle + Math.ceil(length / 2), length));
      return { from: last - length, to: last };
    }

    async show(view) {
      this.view = this.fit(view);
      const { from, to } = this.view;
      const ask = ++this.asked;
      this.say(window.lmWords("reading"), true);
      this.panel.querySelectorAll("[data-span]").forEach((button) => button.setAttribute("aria-pressed", String(to === this.latest && to - from === SPANS[button.getAttribute("data-span")])));
      try {
        const answer = await fetch(`${this.place.getAttribute("data-chart")}?from=${from}&to=${to}`, { credentials: "same-origin" });
        if (!answer.ok || answer.redirected) throw new Error(answer.status);
        const data = await answer.json();
        if (ask !== this.asked) return;
        this.data = data;
      } catch (problem) {
        if (ask === this.asked) this.say(window.lmWords("chartFailed"), false);
        return;
      }
      const address = new URL(location.href);
      address.searchParams.set("tab", "use");
      address.searchParams.set("from", from);
      address.searchParams.set("to", to);
      history.replaceState(null, "", address);
      this.draw();
    }

    say(text, busy) {
      this.words.hidden = !text;
      this.words.textContent = text;
      this.place.setAttribute("aria-busy", String(busy));
    }

    draw() {
      const data = this.data;
      const say = clocks(data.zone);
      if (this.place.plot) this.place.plot.destroy();
      this.place.plot = null;
      this.tell(say);
      const known = data.peak.some((level) => level !== null);
      this.say(known ? "" : window.lmWords("chartEmpty"), false);
      if (!known && !data.gaps.length) return;
      const reading = (_plot, number, _series, place) => (place === null || place === undefined ? "" : number === null || number === undefined ? window.lmWords("notKnown") : window.lmNumber(number));
      const paths = steps(data.end);
      this.place.plot = new uPlot(
        {
          width: this.place.clientWidth,
          height: window.innerWidth < 700 ? 220 : 300,
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
          cursor: { drag: { x: true, y: false, setScale: false } },
          scales: { x: { range: () => [this.view.from, this.view.to] }, y: { range: (_, _low, high) => [0, Math.max(1, high || 1) * 1.08] } },
          axes: [{ ...axis(), values: (_, ticks, _axis, _space, step) => ticks.map((tick) => say.tick(tick, step)) }, { ...axis(), ...window.lmSeatAxis }],
          series: [
            { label: window.lmWords("time"), value: (_, seconds) => (seconds === null || seconds === undefined ? "" : say.full(seconds)) },
            { label: window.lmWords("peak"), stroke: colour("--lm-peak"), fill: colour("--lm-peak-fill"), width: 2, spanGaps: false, value: reading, paths, points: { show: false } },
            { label: window.lmWords("limit"), stroke: colour("--lm-limit"), width: 2, dash: [6, 4], spanGaps: false, value: reading, paths, points: { show: false } },
            { label: window.lmWords("refusals"), scale: "none", stroke: "transparent", value: reading, points: { show: false } },
          ],
          hooks: { drawClear: [drawGaps(data.gaps)], setSelect: [(plot) => this.zoom(plot)], ready: [(plot) => this.lead(plot)] },
        },
        [data.time, data.peak, data.limit, data.denials],
        this.place
      );
    }

    zoom(plot) {
      const { left, width } = plot.select;
      if (width < 5) return;
      const [from, to] = [left, left + width].map((place) => plot.posToVal(place, "x"));
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      this.show({ from, to });
    }

    // A click that drags nothing goes to the moment of the peak there.
    lead(plot) {
      let pressed = null;
      plot.over.addEventListener("mousedown", (event) => { pressed = event.clientX; });
      plot.over.addEventListener("click", (event) => {
        const place = plot.cursor.idx;
        if (pressed === null || Math.abs(event.clientX - pressed) > 4 || place === null || place === undefined) return;
        const address = this.moment(place);
        if (address) location.assign(address);
      });
    }

    moment(place) {
      const page = this.place.getAttribute("data-at");
      if (!page) return "";
      const at = this.data.peak_at[place] === null ? this.data.time[place] : this.data.peak_at[place];
      return `${page}?at=${new Date(at * 1000).toISOString().slice(0, 19)}Z`;
    }

    // The same in words, for readers who cannot use the drawing: the view, and its highest moments as links.
    tell(say) {
      const { data, view } = this;
      this.panel.querySelector("[data-chart-view]").textContent = window.lmWords("view", { from: say.full(view.from), to: say.full(view.to), step: window.lmWords("steps").split("|")[STEPS.indexOf(data.step)] || "" });
      const more = this.panel.querySelector("[data-chart-more]");
      more.hidden = !data.more_gaps;
      more.textContent = data.more_gaps ? window.lmWords("moreGaps", { count: window.lmNumber(data.more_gaps) }) : "";
      const list = this.panel.querySelector("[data-chart-peaks]");
      const highest = data.peak.map((level, place) => ({ level, place })).filter((one) => one.level).sort((one, other) => other.level - one.level || one.place - other.place).slice(0, 5);
      list.replaceChildren(...highest.map(({ level, place }) => {
        const row = document.createElement("li");
        const address = this.moment(place);
        const target = document.createElement(address ? "a" : "span");
        if (address) {
          target.href = address;
          target.className = "lm-link";
        }
        const limit = data.limit[place];
        const time = say.full(data.peak_at[place] === null ? data.time[place] : data.peak_at[place]);
        target.textContent = window.lmWords(limit === null ? "level" : "levelOf", { level: window.lmNumber(level), limit: limit === null ? "" : window.lmNumber(limit), time });
        row.append(target);
        return row;
      }));
      list.parentElement.hidden = !highest.length;
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.querySelector("[data-chart-panel]");
    if (panel) new Chart(panel).start();
  });
})();
