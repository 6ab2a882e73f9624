// TeX in, HTML out: MathJax in Node. Reads JSON from stdin, writes JSON to stdout.
//
//   in   {"mathjax": folder of MathJax's component files, "fonts": address of its fonts,
//         "pages": [[{"tex": "...", "display": true}, ...], ...]}
//   out  {"pages": [{"html": ["<mjx-container ...", ...], "css": "what these formulas need"}, ...],
//         "errors": ["message: formula", ...]}
const fs = require("fs");

const job = JSON.parse(fs.readFileSync(0, "utf8"));

const settings = {
  loader: {
    load: ["adaptors/liteDOM", "input/tex", "output/chtml", "a11y/assistive-mml"],
    paths: { mathjax: job.mathjax },
    versionWarnings: false,
  },
  tex: { tags: "none" }, // Sphinx numbers the equations
  chtml: { fontURL: job.fonts, adaptiveCSS: true },
};

async function main() {
  const MathJax = await require(job.mathjax + "/node-main.js").init(settings);
  const { adaptor, document } = MathJax.startup;
  const errors = [];
  const pages = job.pages.map((formulas) => {
    document.outputJax.clearCache();
    const html = formulas.map(({ tex, display }) => {
      const node = MathJax.tex2chtml(tex, { display });
      const source = adaptor.outerHTML(node);
      const wrong = source.match(/data-mjx-error="([^"]*)"/);
      if (wrong) errors.push(`${wrong[1]}: ${tex}`);
      return source;
    });
    return { html, css: adaptor.textContent(MathJax.chtmlStylesheet()) };
  });
  fs.writeFileSync(1, JSON.stringify({ pages, errors }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
