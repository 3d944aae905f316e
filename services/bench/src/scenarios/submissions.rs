//! What is submitted: new CRAs of today, made before anything is timed.

use std::sync::Arc;

use cra_contracts::v1;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::generator::Generator;
use crate::limits::publish::Messages;

/// Makes submissions, none of them twice and none that the log holds.
pub(crate) struct Submissions {
    generator: Arc<Generator>,
    next: u64,
    today: Date,
}

impl Submissions {
    /// Those after the data of a generator.
    pub(crate) fn after(generator: &Arc<Generator>) -> Self {
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        Self { next: generator.cras(), generator: Arc::clone(generator), today }
    }

    /// So many more.
    pub(crate) fn take(&mut self, count: u64) -> Vec<v1::SubmitCraRequest> {
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        let made = numbers.map(|number| v1::SubmitCraRequest {
            cra_id: self.generator.cra_id(number).to_string(),
            cra: Some(self.generator.form_recorded_on(number, self.today)),
            validate_only: false,
        });
        made.collect()
    }

    /// So many events of the data, as many bytes each as those of submissions.
    pub(crate) fn messages(&self, count: u64) -> anyhow::Result<Messages> {
        let steps = self.generator.steps().filter(|step| step.change.is_none()).cycle();
        let count = usize::try_from(count)?;
        let messages = steps.take(count).enumerate().map(|(index, step)| {
            let event = self.generator.event(step)?;
            Ok((format!("{index}-{}", event.cra_id), event.payload))
        });
        Ok(Arc::new(messages.collect::<anyhow::Result<_>>()?))
    }
}
