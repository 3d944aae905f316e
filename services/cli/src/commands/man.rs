//! `cra man`: the manual pages, generated from the same source as the help.

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::{CommandResult, Outcome};
use crate::args::{Arguments, ManArgs};
use crate::output::{Output, notice};

pub(crate) fn run(args: &ManArgs, output: &mut Output) -> CommandResult {
    // Without the commit, which would change every page.
    let command = Arguments::command().version(env!("CARGO_PKG_VERSION"));
    if let Some(dir) = &args.dir {
        let unwritten = || format!("manual pages cannot be written to {}", dir.display());
        std::fs::create_dir_all(dir).with_context(unwritten)?;
        clap_mangen::generate_to(command, dir).with_context(unwritten)?;
        notice(&format!("manual pages are in {}", dir.display()));
        return Ok(Outcome::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output.bytes(&page)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::super::fake::written;
    use super::*;

    #[test]
    fn there_is_a_page_that_names_every_command_and_one_for_each() {
        let (page, outcome) = written(|output| run(&ManArgs { dir: None }, output));
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert!(page.contains(".TH cra 1"), "{page}");
        let dir = tempfile::tempdir().unwrap();
        let in_folder = ManArgs { dir: Some(dir.path().join("man1")) };
        assert_eq!(written(|output| run(&in_folder, output)).1.unwrap(), Outcome::Done);
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name().replace('-', "\\-");
            assert!(page.contains(&format!("cra\\-{name}(1)")), "{name} in\n{page}");
            let own = dir.path().join(format!("man1/cra-{}.1", command.get_name()));
            assert!(own.is_file(), "{}", own.display());
        }
    }
}
