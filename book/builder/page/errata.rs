//! `{{errata}}`: 正誤対照。

use anyhow::{Context, Result, anyhow};

use crate::content::errata::{Errata, FILE};
use crate::content::sections::Sections;

/// `{{errata}}` を置き換える Markdown。`badge` はテストの名札を作る。
pub fn render(
    errata: &Errata,
    sections: &Sections,
    badge: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<String> {
    let mut out = String::new();
    for (index, point) in errata.points.iter().enumerate() {
        let number = index + 1;
        let place = || format!("{FILE}:{} の点 {number}「{}」", point.line, point.title);
        if !point.group.is_empty() {
            out.push_str(&format!("## {} {{#group-{number}}}\n\n", point.group));
        }
        let mut deciding = Vec::new();
        for test in &point.tests {
            deciding.push(badge(test).with_context(place)?);
        }
        for name in &point.sections {
            let link = sections.link(name).map_err(|problem| anyhow!("{}: {problem}", place()))?;
            deciding.push(format!("[{}](../{name})", link.title));
        }
        out.push_str(&format!(
            "### {number} {} {{#point-{number}}}\n\n\
             - **よくある説明**: {}\n\
             - **論文では**: {}（{}）\n\
             - **決め手**: {}\n\n",
            point.title,
            point.popular,
            point.paper,
            point.source,
            deciding.join(" "),
        ));
    }
    Ok(out)
}
