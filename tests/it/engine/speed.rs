//! How long questions take: `cargo test --test it -- --ignored --nocapture speed`.

use std::time::Instant;

use mirscope::{
    engine::{
        Command, DeviceSettings, Explore, MeasureRequest, MeasureSettings, ModelSource, PairSource,
        Session,
    },
    report::{Axes, Calibration, WhatIfSettings},
};

use super::{last, report};

#[test]
#[ignore = "runs the demo, which takes half a minute on a software adapter"]
fn questions_about_the_demo() {
    let mut session = Session::default();
    let request = MeasureRequest {
        model: ModelSource::Demo { connector: None },
        pairs: PairSource::Demo,
        device: DeviceSettings::default(),
        settings: MeasureSettings::default(),
        keep: true,
    };
    let report = report(&mut session, request);
    println!(
        "{}: {:?} tokens, {:?}",
        report.device.adapter,
        report.tokens(),
        report.timings
    );
    let calibrated = WhatIfSettings {
        calibration: Calibration::Moca,
        ..WhatIfSettings::default()
    };
    let projection = |axes| Explore::Projection { state: 2, axes };
    for question in [
        projection(Axes::Own),
        projection(Axes::Own),
        projection(Axes::Shared),
        projection(Axes::Shared),
        Explore::WhatIf(WhatIfSettings::default()),
        Explore::WhatIf(calibrated),
    ] {
        let start = Instant::now();
        last(&mut session, Command::Explore(question.clone()));
        println!("{:.3} s: {question:?}", start.elapsed().as_secs_f64());
    }
}
