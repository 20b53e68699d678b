//! Several checkpoints, measured one after the other on one device.

use super::{
    EngineError, Event, Extra, MeasureRequest, MeasureSettings, Session, StudyReport, StudyRequest,
    news::News,
};
use crate::report::{Definition, MetricChoice};

impl Session {
    /// Measures each member, telling its report when it is there. The device stays from one to the
    /// next, the model does not.
    ///
    /// # Errors
    /// What stands in the way of a member, with its name; those before it have been told.
    pub(super) async fn study(
        &mut self,
        request: StudyRequest,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let total = request.members.len() as u64;
        for (done, member) in request.members.into_iter().enumerate() {
            let name = member.name;
            news.tell(Event::Member {
                name: name.clone(),
                done: done as u64,
                total,
            });
            let all = request.settings.metrics == MetricChoice::All;
            let one = MeasureRequest {
                model: member.model,
                pairs: member.pairs,
                device: request.device.clone(),
                settings: MeasureSettings {
                    num_pairs: Some(request.settings.num_pairs),
                    seed: request.settings.seed,
                    definition: Definition::Exact,
                    text_mask: request.settings.text_mask,
                    metrics: request.settings.metrics,
                    also: match all {
                        true => Extra::OF_A_STUDY.to_vec(),
                        false => Vec::new(),
                    },
                    intervals: all,
                    ..MeasureSettings::default()
                },
                keep: false,
            };
            let (report, mir_official) =
                (self.measure_ends(one, true, news).await).map_err(|error| named(&name, error))?;
            news.tell(Event::MemberReport(Box::new(StudyReport {
                name,
                report,
                mir_official,
            })));
        }
        Ok(())
    }
}

/// The error with the member's name in front; what has a meaning of its own stays as it is.
fn named(name: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Cancelled | EngineError::Gpu(_) => error,
        other => EngineError::Member {
            name: name.to_owned(),
            source: Box::new(other),
        },
    }
}
