/// The one stylesheet of the pages: system fonts, one column, light and dark.
enum Stylesheet {
    static let css: HTML = """
        :root{--paper:#f6f5f2;--card:#fff;--ink:#1d2321;--soft:#5b6562;--line:#dfe1dc;--accent:#0f5f4f;--accent-ink:#fff;\
        --warn:#7a4a00;--warn-paper:#fff5e0;--bad:#8f1d1d;--bad-paper:#fdeeee;--field:#fbfbf9}
        @media (prefers-color-scheme:dark){:root{--paper:#121615;--card:#1b201f;--ink:#e9ecea;--soft:#a3aeaa;\
        --line:#323a37;--accent:#6fd0b6;--accent-ink:#0b1f1a;--warn:#f3cd8a;--warn-paper:#322812;--bad:#f3a9a9;\
        --bad-paper:#371c1c;--field:#151a18}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;min-height:100vh;background:var(--paper);color:var(--ink);\
        font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;display:flex;\
        align-items:flex-start;justify-content:center;padding:clamp(1rem,8vh,5rem) 1rem 2rem}
        main{width:100%;max-width:28rem;background:var(--card);border:1px solid var(--line);border-radius:14px;\
        padding:clamp(1.25rem,5vw,2.25rem);box-shadow:0 1px 2px rgb(0 0 0/.04),0 12px 32px rgb(0 0 0/.06)}
        .mark{margin:0 0 1.5rem;color:var(--soft);font-size:.8125rem;font-weight:600;letter-spacing:.06em;\
        text-transform:uppercase;display:flex;align-items:center;gap:.5rem}
        .mark span{width:.75rem;height:1rem;border:2px solid var(--accent);border-bottom:0;border-radius:.5rem .5rem 0 0}
        h1{font-size:1.4375rem;line-height:1.25;margin:0 0 .5rem;letter-spacing:-.01em;overflow-wrap:anywhere;\
        text-wrap:balance}
        h2{font-size:.8125rem;margin:1.5rem 0 .25rem;color:var(--soft);font-weight:600}
        p{margin:.5rem 0}
        .lead{color:var(--soft);margin-bottom:1.25rem}
        label{display:block;font-weight:600;font-size:.875rem;margin:1rem 0 .375rem}
        input[type=text],input[type=password]{width:100%;font:inherit;color:inherit;background:var(--field);\
        border:1px solid var(--line);border-radius:9px;padding:.6875rem .8125rem}
        input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        button,.button{display:inline-block;width:100%;font:inherit;font-weight:600;text-align:center;cursor:pointer;\
        border-radius:9px;border:1px solid var(--accent);background:var(--accent);color:var(--accent-ink);\
        padding:.6875rem 1rem;margin-top:1.25rem;text-decoration:none}
        button.quiet,.button.quiet{background:transparent;color:var(--ink);border-color:var(--line)}
        .actions{display:flex;gap:.75rem;flex-wrap:wrap}
        .actions form{flex:1 1 9rem}
        dl{margin:1.25rem 0 0;border-top:1px solid var(--line)}
        dl div{padding:.625rem 0;border-bottom:1px solid var(--line);display:flex;gap:1rem;flex-wrap:wrap}
        dt{flex:0 0 7.5rem;color:var(--soft);font-size:.875rem}
        dd{flex:1 1 12rem;margin:0;overflow-wrap:anywhere}
        ul{margin:0;padding-left:1.125rem}
        .note,.problem{border-radius:9px;padding:.75rem .875rem;margin:1.25rem 0 0;font-size:.9375rem}
        .note{background:var(--warn-paper);color:var(--warn)}
        .problem{background:var(--bad-paper);color:var(--bad);margin:0 0 1rem}
        .entries{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
        .entries li{padding:.75rem 0;border-bottom:1px solid var(--line);display:flex;gap:.75rem;flex-wrap:wrap;\
        align-items:center}
        .entries li>div{flex:1 1 12rem;overflow-wrap:anywhere}
        .entries form{flex:0 0 auto}
        .entries button{width:auto;margin:0;padding:.4375rem .875rem;min-height:2.5rem}
        .done{background:var(--field);border:1px solid var(--line);border-radius:9px;padding:.75rem .875rem;margin:0 0 1rem}
        .small{font-size:.875rem;color:var(--soft)}
        code{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
        a{color:var(--accent)}
        """
}
