//! The service. It runs a session at the start, and then one whenever the server wakes it; polling is the fallback.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use crate::agent::{After, Agent};
use crate::passcode::kernel_random;

/// The shortest pause after something went wrong, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The longest wait of one request; the server may answer earlier.
const WAIT: Duration = Duration::from_secs(280);

/// The useless wakes in a row after which they count as a fault.
const USELESS_WAKES: u32 = 3;

/// Runs until `stop` resolves. `tell` gets the events for the log; `now` returns the time.
pub(crate) async fn run(
    agent: &mut Agent,
    stop: impl Future<Output = ()>,
    tell: impl Fn(&str),
    now: impl Fn() -> Timestamp,
) -> Result<()> {
    tokio::pin!(stop);
    let (mut failures, mut useless, mut woken) = (0, 0, false);
    let return_within = Cell::new(Duration::ZERO);
    loop {
        // A session is never interrupted: it ends by itself, within the time limits of its requests.
        match agent.sync(now()).await {
            Ok(synced) => {
                failures = 0;
                useless = if woken && synced.commands == 0 { useless + 1 } else { 0 };
                if synced.commands > 0 {
                    tell(&format!("session: {} messages, {} commands", synced.messages, synced.commands));
                }
            }
            Err(error) => {
                failures += 1;
                tell(&format!("{error:#}"));
            }
        }
        let waiting = async {
            if failures > 0 {
                tokio::time::sleep(pause(failures)).await;
                return false;
            }
            if useless > USELESS_WAKES {
                tokio::time::sleep(pause(useless - USELESS_WAKES)).await;
            }
            match wait(agent, &return_within).await {
                Ok(After::Session) => return true,
                Ok(After::Nothing) => {}
                // A session after it, and another pause if the server is not back.
                Ok(After::Pause(whole)) => tokio::time::sleep(sent_away(whole) + pause(1)).await,
                Err(error) => {
                    tell(&format!("{error:#}"));
                    tokio::time::sleep(cut_off(return_within.get(), chance()) + pause(1)).await;
                }
            }
            false
        };
        tokio::select! {
            () = &mut stop => return Ok(()),
            by_server = waiting => woken = by_server,
        }
    }
}

/// Waits until something is due: the server wakes the agent or lets it go, or the poll interval is over.
async fn wait(agent: &Agent, return_within: &Cell<Duration>) -> Result<After> {
    let due = tokio::time::Instant::now() + agent.poll();
    loop {
        let left = due.saturating_duration_since(tokio::time::Instant::now());
        // The header that asks for the time knows whole seconds.
        if left < Duration::from_secs(1) {
            return Ok(After::Nothing);
        }
        let waited = agent.wait(left.min(WAIT)).await?;
        if let Some(whole) = waited.return_within {
            return_within.set(whole);
        }
        if !matches!(waited.after, After::Nothing) {
            return Ok(waited.after);
        }
    }
}

/// The pause of an agent that the server sends away for that long: a moment of its own, which the server has chosen.
fn sent_away(whole: Duration) -> Duration {
    whole.min(LONGEST_PAUSE)
}

/// The pause of an agent whose connection broke without a word. All of them come back within the time that the server
/// named last, each at a moment of its own.
fn cut_off(within: Duration, chance: f64) -> Duration {
    within.min(LONGEST_PAUSE).mul_f64(chance)
}

/// The pause after so many failures. It doubles with each, up to a limit; half of it is random, so that a fleet does
/// not return at once.
fn pause(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    jittered(whole, chance())
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut random = [0; 2];
    kernel_random(&mut random);
    chance_of(random)
}

fn chance_of(random: [u8; 2]) -> f64 {
    f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX)
}

fn jittered(whole: Duration, chance: f64) -> Duration {
    whole / 2 + (whole / 2).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: usize = 10_000;

    /// The seconds after which so many agents are back, in simulated time, when all connections break at once.
    async fn returns(within: Duration, random: &mut fastrand::Rng) -> Vec<f64> {
        let broken = tokio::time::Instant::now();
        let back = std::iter::repeat_with(|| cut_off(within, chance_of([random.u8(..), random.u8(..)])));
        let back = back.take(AGENTS).map(|pause| {
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                broken.elapsed().as_secs_f64()
            })
        });
        let mut seconds = Vec::with_capacity(AGENTS);
        for agent in back.collect::<Vec<_>>() {
            seconds.push(agent.await.expect("back"));
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_agents_come_back_evenly_within_the_time_that_the_server_named() {
        let mut random = fastrand::Rng::with_seed(7);
        for within in [10, 50, 300] {
            let seconds = returns(Duration::from_secs(within), &mut random).await;
            let mut tenths = [0usize; 10];
            for second in seconds {
                // A timer rings with the next millisecond.
                assert!(second <= within as f64 + 0.002, "{within}: {second}");
                tenths[((second / within as f64 * 10.0) as usize).min(9)] += 1;
            }
            let even = AGENTS / tenths.len();
            assert!(tenths.iter().all(|agents| agents.abs_diff(even) < even / 8), "{within}: {tenths:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_stays_away_no_longer_than_five_minutes_whatever_it_is_told() {
        let mut random = fastrand::Rng::with_seed(8);
        for within in [Duration::ZERO, Duration::from_secs(301), Duration::from_secs(u64::MAX), Duration::MAX] {
            let longest = within.min(LONGEST_PAUSE);
            let seconds = returns(within, &mut random).await;
            assert!(seconds.iter().all(|second| *second <= longest.as_secs_f64() + 0.002), "{within:?}");
            assert!(sent_away(within) <= LONGEST_PAUSE, "{within:?}");
        }
        assert_eq!(sent_away(Duration::from_secs(7)), Duration::from_secs(7), "the moment is the server's");
    }

    #[test]
    fn pauses_grow_to_a_limit_and_are_never_the_same_for_a_fleet() {
        for (failures, longest) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (u32::MAX, 300)] {
            let pause = pause(failures);
            let longest = Duration::from_secs(longest);
            assert!(pause <= longest && pause >= longest / 2, "{failures}: {pause:?}");
        }
        let whole = Duration::from_secs(10);
        assert_eq!([jittered(whole, 0.0), jittered(whole, 1.0)].map(|pause| pause.as_secs()), [5, 10]);
    }
}
