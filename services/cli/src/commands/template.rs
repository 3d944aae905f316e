//! `cra template`: an empty table for `cra submit`: headings only as CSV, with lists to choose from as XLSX.

use std::ffi::OsStr;

use anyhow::Context as _;
use cra_private::{AtomicFile, Existing};
use cra_sheets::template;

use super::{CommandResult, Outcome};
use crate::args::TemplateArgs;
use crate::output::Output;

pub(crate) fn run(args: &TemplateArgs, output: &mut Output) -> CommandResult {
    let path = &args.file;
    let bytes = match path.extension().and_then(OsStr::to_str).map(str::to_lowercase).as_deref() {
        Some("xlsx") => template::workbook().context("the workbook cannot be made")?,
        Some("csv") => template::csv()?,
        _ => anyhow::bail!("{}: expected a name that ends with .csv or .xlsx", path.display()),
    };
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    AtomicFile::write_whole(path, &bytes, existing)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    output.line(&format!("fill in {}, then run: cra submit {0}", path.display()))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_existing_template_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["t.csv", "t.xlsx"] {
            let args = |force| TemplateArgs { file: dir.path().join(name), force };
            let mut output = Output::to(io::sink(), crate::style::Style { columns: 80, colour: false });
            assert!(run(&args(false), &mut output).is_ok());
            assert!(run(&args(false), &mut output).is_err());
            assert!(run(&args(true), &mut output).is_ok());
        }
        let args = TemplateArgs { file: dir.path().join("t.txt"), force: false };
        let mut output = Output::to(io::sink(), crate::style::Style { columns: 80, colour: false });
        assert!(run(&args, &mut output).unwrap_err().to_string().contains(".csv or .xlsx"));
    }
}
