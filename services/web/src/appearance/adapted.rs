//! Adapts the style sheet of the design system. Inline pictures become files, because the security policy of the pages
//! refuses them; file names are replaced by those under which the files are served; and the rules of the dark theme,
//! which expect a script to select it, apply if the reader's system is dark.

/// Selector of the rules for the dark theme.
const DARK: &str = "[data-fr-theme=dark]";
/// Its replacement if no script selects a theme: as specific as the selector on `:root`.
const UNCHOSEN: &str = ":not([data-fr-theme])";
const DATA: &str = "data:image/svg+xml";

/// A reference of a style sheet in `url(…)`.
pub(super) enum Reference<'a> {
    /// A path relative to the style sheet.
    File(&'a str),
    /// The content of an inline picture.
    Picture(Vec<u8>),
}

/// The style sheet with each reference replaced by the result of `served`.
pub(super) fn adapted<E>(
    css: &str,
    mut served: impl FnMut(Reference<'_>) -> Result<String, E>,
) -> Result<String, E> {
    let mut with_files = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("url(") {
        let (before, after) = rest.split_at(start + "url(".len());
        with_files.push_str(before);
        let (text, end) = argument(after);
        with_files.push_str(&served(reference(text))?);
        with_files.push(')');
        rest = after.get(end..).unwrap_or_default();
    }
    with_files.push_str(rest);
    let mut out = String::with_capacity(with_files.len() * 5 / 4);
    rules(&with_files, &mut out);
    Ok(out)
}

/// The argument of a `url(`, and the number of bytes up to and including its closing parenthesis.
fn argument(text: &str) -> (&str, usize) {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let inner = &text[1..];
        let end = inner.find(quote).unwrap_or(inner.len());
        return (&inner[..end], text.len().min(end + 3));
    }
    let end = text.find(')').unwrap_or(text.len());
    (text[..end].trim(), text.len().min(end + 1))
}

fn reference(text: &str) -> Reference<'_> {
    match text.strip_prefix(DATA).and_then(|data| data.split_once(',')) {
        Some((_, content)) => Reference::Picture(decoded(content)),
        None => Reference::File(text),
    }
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// Copies the rules, and repeats each rule of the dark theme for systems that are dark.
fn rules(css: &str, out: &mut String) {
    let mut rest = css;
    while let Some(end) = outside_strings(rest, &['{', ';', '}']) {
        let (prelude, after) = rest.split_at(end);
        if !after.starts_with('{') {
            out.push_str(&rest[..=end]);
            rest = &after[1..];
            continue;
        }
        let length = block(after);
        let body = after.get(1..length.saturating_sub(1)).unwrap_or_default();
        rest = after.get(length..).unwrap_or_default();
        let is_group =
            ["@media", "@supports", "@layer"].iter().any(|name| prelude.trim_start().starts_with(name));
        out.push_str(prelude);
        out.push('{');
        if is_group {
            rules(body, out);
        } else {
            out.push_str(body);
        }
        out.push('}');
        if !is_group && prelude.contains(DARK) {
            let dark: Vec<_> =
                selectors(prelude).filter(|selector| selector.contains(DARK)).map(unchosen).collect();
            out.push_str("@media (prefers-color-scheme:dark){");
            out.push_str(&dark.join(","));
            out.push('{');
            out.push_str(body);
            out.push_str("}}");
        }
    }
    out.push_str(rest);
}

fn unchosen(selector: &str) -> String {
    // The selector is an attribute of the root, which the rule may also name.
    let is_named = selector.contains(&format!(":root{DARK}"));
    let instead = if is_named { UNCHOSEN.to_owned() } else { format!(":root{UNCHOSEN}") };
    selector.replace(DARK, &instead)
}

/// Splits a list of selectors at commas outside of parentheses.
fn selectors(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    list.split(move |c: char| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// Offset of the first of these characters outside of strings and comments.
fn outside_strings(css: &str, chars: &[char]) -> Option<usize> {
    let mut quote = None;
    let mut at = 0;
    while let Some(c) = css.get(at..).and_then(|rest| rest.chars().next()) {
        let length = c.len_utf8();
        match quote {
            Some(_) if c == '\\' => at += 1,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if css[at..].starts_with("/*") => {
                at += css[at..].find("*/").map_or(css.len(), |end| end + 1);
            }
            None if chars.contains(&c) => return Some(at),
            Some(_) | None => {}
        }
        at += length;
    }
    None
}

/// Length in bytes of the block at the start of a text.
fn block(css: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(next) = css.get(at..).and_then(|rest| outside_strings(rest, &['{', '}'])) {
        at += next;
        if css[at..].starts_with('{') {
            depth += 1;
        } else {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
        at += 1;
    }
    css.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_names(css: &str) -> String {
        let mut pictures = Vec::new();
        let served = |reference: Reference<'_>| -> Result<String, ()> {
            Ok(match reference {
                Reference::File(path) => format!("<{path}>"),
                Reference::Picture(content) => {
                    pictures.push(String::from_utf8(content).unwrap());
                    format!("<{}>", pictures.last().unwrap())
                }
            })
        };
        adapted(css, served).unwrap()
    }

    #[test]
    fn files_and_inline_pictures_get_the_names_that_they_are_served_under() {
        assert_eq!(
            with_names("a{b:url(icons/x.svg) c;d:url( 'y.woff2' )}"),
            "a{b:url(<icons/x.svg>) c;d:url(<'y.woff2'>)}"
        );
        assert_eq!(with_names("a{b:url(\"icons/x.svg\")}"), "a{b:url(<icons/x.svg>)}");
        let inline =
            r#"a{b:url("data:image/svg+xml;charset=utf-8,<svg xmlns='x' fill='%23fff'>%3C/svg>")}c{d:e}"#;
        assert_eq!(with_names(inline), "a{b:url(<<svg xmlns='x' fill='#fff'></svg>>)}c{d:e}");
        for odd in ["a{b:url(", "a{b:url(\"x", "a{b:url(data:image/svg+xml;utf8,%", "url()", "%%%url('')"] {
            let _ = with_names(odd);
        }
    }

    #[test]
    fn rules_of_the_dark_theme_apply_where_the_system_is_dark() {
        assert_eq!(
            with_names(":root[data-fr-theme=dark]{--a:b}c{d:e}"),
            ":root[data-fr-theme=dark]{--a:b}@media (prefers-color-scheme:dark){:root:not([data-fr-theme]){--a:b}}c{d:e}"
        );
        assert_eq!(
            with_names("@media print{x,[data-fr-theme=dark] .y:not(a,b){d:\"}\"}}"),
            "@media print{x,[data-fr-theme=dark] .y:not(a,b){d:\"}\"}\
             @media (prefers-color-scheme:dark){:root:not([data-fr-theme]) .y:not(a,b){d:\"}\"}}}"
        );
        let plain = "@charset \"UTF-8\";/*! { */a{b:c}@font-face{d:e}@keyframes f{0%{g:h}to{i:j}}";
        assert_eq!(with_names(plain), plain);
        for odd in ["", "{", "}", "a{", "a{b{", "\"", "/*", "[data-fr-theme=dark]{", "é{è:\\\"é}"] {
            let _ = with_names(odd);
        }
    }
}
