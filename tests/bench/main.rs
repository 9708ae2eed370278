//! System benchmarks: `cargo xtask bench [NAME]`. Every figure stands beside its baseline, measured in the same run.

mod bare;
mod containers;
mod controller;
mod dissemination;
mod documents;
mod http;
mod northbound;
mod proxy;
mod table;

use std::io;

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, body] = arguments.as_slice()
        && flag == "--bare-endpoint"
    {
        return actix_web::rt::System::new().block_on(bare::serve(body.clone().into_bytes()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let mut rows = Vec::new();
    if wanted("northbound") {
        rows.extend(runtime.block_on(northbound::run())?);
    }
    if wanted("dissemination") {
        rows.extend(runtime.block_on(dissemination::run())?);
    }
    if wanted("proxy") {
        rows.extend(proxy::run());
    }
    if wanted("containers") {
        rows.extend(containers::run());
    }
    println!("{}", table::render(&rows));
    Ok(())
}
