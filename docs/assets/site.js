// What the theme adds to a page while it loads, made known to readers without a mouse or a screen.
new MutationObserver(() => {
  document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach(table => { table.tabIndex = 0 })
  document.querySelectorAll(".md-code__nav").forEach((nav, at) => nav.setAttribute("aria-label", `Code ${at + 1}`))
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search")
}).observe(document.body, { childList: true, subtree: true })
