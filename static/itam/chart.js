// Peak use and limit over time. Null is *not known*: the line stops, the time is shaded, nothing is joined.
(function () {
  "use strict";

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function gaps(data) {
    // Draws behind the lines: time of which less than all was observed, the fainter the more of it was.
    return function (plot) {
      const { ctx, bbox } = plot;
      const times = plot.data[0];
      ctx.save();
      ctx.fillStyle = colour("--lm-gap");
      for (let place = 0; place < times.length; place += 1) {
        const missing = 1 - data.observed[place];
        if (missing <= 0.001) continue;
        const until = place + 1 < times.length ? times[place + 1] : times[place] + (times[1] - times[0]);
        const left = Math.max(bbox.left, plot.valToPos(times[place], "x", true));
        const right = Math.min(bbox.left + bbox.width, plot.valToPos(until, "x", true));
        if (right <= left) continue;
        ctx.globalAlpha = 0.25 + 0.75 * missing;
        ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
      }
      ctx.restore();
    };
  }

  function clock(zone, incr) {
    // How a tick reads: hours within a day, else the day, else the month.
    const make = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
    const [hour, day, month] = [make({ hour: "2-digit", minute: "2-digit" }), make({ day: "numeric", month: "short" }), make({ month: "short", year: "2-digit" })];
    return (seconds) => {
      const moment = new Date(seconds * 1000);
      if (incr >= 28 * 86400) return month.format(moment);
      const text = hour.format(moment);
      return incr >= 86400 || text === "00:00" ? day.format(moment) : text;
    };
  }

  function axis() {
    return { stroke: colour("--lm-ink-subtle"), grid: { stroke: colour("--lm-line"), width: 1 }, ticks: { stroke: colour("--lm-line"), width: 1 }, font: "12px Inter, sans-serif" };
  }

  function draw(place, data) {
    const known = data.peak.some((value) => value !== null);
    const words = place.querySelector("[data-chart-words]");
    if (place.plot) place.plot.destroy();
    place.plot = null;
    if (!known) {
      words.hidden = false;
      words.textContent = "Nothing is known of this time.";
      return;
    }
    words.hidden = true;
    const value = (_plot, number, _series, place) => (place === null || place === undefined ? "" : number === null || number === undefined ? "not known" : String(number));
    const hourly = data.time.length > 400;
    const full = new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, weekday: "short", day: "numeric", month: "short", year: "numeric", ...(hourly ? { hour: "2-digit", minute: "2-digit" } : {}) });
    place.plot = new uPlot(
      {
        width: place.clientWidth,
        height: window.innerWidth < 700 ? 220 : 300,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
        scales: { y: { range: (_, low, high) => [0, Math.max(1, high || 1) * 1.08] } },
        axes: [{ ...axis(), values: (_, ticks, _axis, _space, incr) => ticks.map(clock(data.zone, incr)) }, { ...axis(), size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
        series: [
          { label: "Time", value: (_, seconds) => (seconds === null || seconds === undefined ? "" : full.format(new Date(seconds * 1000))) },
          { label: "Peak", stroke: colour("--lm-peak"), fill: colour("--lm-peak-fill"), width: 2, spanGaps: false, value, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
          { label: "Limit", stroke: colour("--lm-limit"), width: 2, dash: [6, 4], spanGaps: false, value, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
          { label: "Refusals", scale: "none", stroke: "transparent", value, points: { show: false } },
        ],
        hooks: { drawClear: [gaps(data)] },
      },
      [data.time, data.peak, data.limit, data.denials],
      place
    );
  }

  document.addEventListener("DOMContentLoaded", function () {
    const place = document.querySelector("[data-chart]");
    if (!place) return;
    const kept = {};
    let span = "month";

    async function show() {
      const words = place.querySelector("[data-chart-words]");
      try {
        if (!kept[span]) {
          const answer = await fetch(place.getAttribute("data-chart") + "?span=" + span, { credentials: "same-origin" });
          if (!answer.ok) throw new Error(answer.status);
          kept[span] = await answer.json();
        }
        draw(place, kept[span]);
      } catch (problem) {
        words.hidden = false;
        words.textContent = "The chart could not be read. Reload the page to try again.";
      }
    }

    document.querySelectorAll("[data-span]").forEach((button) => {
      button.addEventListener("click", () => {
        span = button.getAttribute("data-span");
        document.querySelectorAll("[data-span]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
        show();
      });
    });
    new ResizeObserver(() => { if (place.plot) place.plot.setSize({ width: place.clientWidth, height: place.plot.height }); }).observe(place);
    // Light or dark is a class on the root: colours are read anew.
    new MutationObserver(() => { if (place.plot) show(); }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    show();
  });
})();
