(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null));
    return element;
  };

  // Contents: where the reader is.
  const links = [...document.querySelectorAll("nav a")];
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        links.forEach((link) => link.classList.toggle("here", link.hash === `#${entry.target.id}`));
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  document.querySelectorAll("header[id], section[id]").forEach((part) => seen.observe(part));

  // Customers.
  const { articles, customers, pictures } = JSON.parse($("embedded").textContent);
  if (!customers.length) return;
  const KINDS = { all: "all", hit: "with a hit", miss: "without a hit", new: "new", dormant: "long away",
    heavy: "buy most", regular: "others" };
  let shown = [];
  let at = 0;

  const picture = (number) => {
    const article = articles[number];
    if (pictures[number]) {
      const image = make("img");
      image.src = pictures[number];
      image.alt = article.kind;
      return make("span", "pic", image);
    }
    const tile = make("span", "tile", article.kind);
    [tile.style.background, tile.style.color] = article.tile;
    return make("span", "pic", tile);
  };
  const print = (number, ...more) => {
    const article = articles[number];
    const parts = [article.id, article.colour, article.price === null ? "" : `price ${article.price}`, ...more];
    return make("div", "small-print", parts.filter(Boolean).join(" · "));
  };
  const oneLine = (text) => text.replace(/(\d{4})-(\d\d)-(\d\d)/g, "$1\u2011$2\u2011$3"); // days don't break
  const small = (number, note, hit) => {
    const item = make("li", hit ? "hit" : "", picture(number), articles[number].name);
    if (note) item.append(make("div", hit ? "badge" : "", note));
    item.title = `${articles[number].id} ${articles[number].name}`;
    return item;
  };
  const from = (source) => {
    const dot = make("i", COLOURS[source]?.ring ? "dot ring" : "dot");
    dot.style.setProperty("--c", COLOURS[source]?.colour ?? "var(--union)");
    return make("span", "", dot, source);
  };
  const pick = (each, i) => {
    const what = make("div", "", make("b", "", `${i + 1}. ${articles[each.article].name} `));
    if (each.hit) what.append(make("span", "badge", "✓ bought"));
    const chance = each.chance === null ? "" : `chance ${(100 * each.chance).toPrecision(2)} %`;
    what.append(print(each.article, chance));
    for (const reason of each.reasons) what.append(make("div", "why", oneLine(reason)));
    what.append(make("div", "from", ...each.sources.map(from)));
    return make("li", each.hit ? "hit" : "", picture(each.article), what);
  };
  const plain = ([number, hit], i) => {
    const what = make("div", "", make("b", "", `${i + 1}. ${articles[number].name} `));
    if (hit) what.append(make("span", "badge", "✓ bought"));
    what.append(print(number));
    return make("li", hit ? "hit" : "", picture(number), what);
  };
  const strip = (title, items, left) => {
    const block = make("div", "", make("h3", "", title), make("ul", "strip", ...items));
    if (left > 0) block.append(make("p", "faint", `and ${left} more`));
    return block;
  };

  const draw = () => {
    const place = $("customer");
    $("place").textContent = shown.length ? `${at + 1} of ${shown.length}` : "none";
    if (!shown.length) return place.replaceChildren(make("p", "", "No embedded customer is like that."));
    const one = shown[at];
    const ranks = new Map(one.predicted.map((each, i) => [each.article, i + 1]));
    const who = make("p", "who", make("strong", "", `Customer ${one.id.slice(0, 12)}`),
      one.age === null ? "" : `age ${one.age}`, ...one.tags.map((tag) => make("span", "tag", KINDS[tag])));
    const parts = [who, make("p", "who", make("code", "", one.id))];
    const before = one.before.map(([number, day]) => small(number, day, false));
    parts.push(before.length ? strip("Bought before, newest first", before, one.num_before - before.length)
      : make("p", "faint", "Nothing bought before."));
    if (one.period === "holdout") {
      const then = one.bought.map((number) =>
        small(number, ranks.has(number) ? `no. ${ranks.get(number)}` : "", ranks.has(number)));
      parts.push(strip(`Bought in the holdout: ${one.hits} of ${one.num_bought} found, by the baseline ` +
        `${one.baseline_hits}`, then, one.num_bought - then.length));
    }
    const list = make("ol", "picks short", ...one.predicted.map(pick));
    const rest = make("button", "rest", `All ${one.predicted.length} recommendations`);
    rest.type = "button";
    rest.addEventListener("click", () => { list.classList.remove("short"); rest.remove(); });
    const ours = make("div", "", make("h3", "", "Recommended, best first"), list, rest);
    const theirs = make("div", "", make("h3", "", `The baseline's: ${BASELINE}`),
      make("ol", "picks plain", ...one.baseline.map(plain)));
    place.replaceChildren(...parts, make("div", "lists", ours, theirs));
  };
  const kinds = () => {
    const of = customers.filter((each) => each.period === $("period").value);
    const options = Object.entries(KINDS).map(([kind, words]) => {
      const count = kind === "all" ? of.length : of.filter((each) => each.tags.includes(kind)).length;
      const option = make("option", "", `${words} (${count})`);
      option.value = kind;
      return count ? option : null;
    });
    $("kind").replaceChildren(...options.filter(Boolean));
  };
  const choose = () => {
    const [period, kind, prefix] = ["period", "kind", "prefix"].map((id) => $(id).value.trim());
    shown = customers.filter((each) => each.period === period && each.id.startsWith(prefix) &&
      (kind === "all" || each.tags.includes(kind)));
    at = 0;
    draw();
  };
  const step = (by) => {
    at = (at + by + shown.length) % Math.max(shown.length, 1);
    draw();
  };
  const open = () => {  // #customer=ID
    const [, id] = decodeURIComponent(location.hash).split("#customer=");
    const begins = customers.filter((each) => id && each.id.startsWith(id));
    const found = begins.find((each) => each.id === id) ?? begins[0];
    if (!found) return;
    $("period").value = found.period;
    kinds();
    $("prefix").value = id;
    choose();
    at = Math.max(shown.indexOf(found), 0);
    draw();
    $("customers").querySelector(".fold").open = true;
    $("customers").scrollIntoView();
  };
  $("period").addEventListener("change", () => { kinds(); choose(); });
  $("kind").addEventListener("change", choose);
  $("prefix").addEventListener("input", choose);
  $("back").addEventListener("click", () => step(-1));
  $("forth").addEventListener("click", () => step(1));
  $("chooser").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", open);
  kinds();
  choose();
  open();
})();
