"""How the page of a comparison looks, beside what all pages have."""

STYLE = """
.matrix td, .matrix th { min-width: 92px; }
.matrix td small { display: block; opacity: .85; }
.matrix .none { color: var(--pale); }
.swatch { display: inline-block; width: 13px; height: 13px; margin-right: 8px; border-radius: 3px;
  vertical-align: -1px; }
.found, .false, .missed { padding: 1px 7px; border-radius: 3px; background: #202020; font-weight: 600; }
.found { color: #00d69b; } .false { color: #ff7a1a; } .missed { color: #f0e442; }
svg { max-width: 760px; }
"""
