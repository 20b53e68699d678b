//! Selecting states and tokens, and playing through the states one after the other.

use super::Store;
use crate::report::TokenKind;

/// Seconds that each state is shown.
const PACE: f64 = 1.1;

impl Store {
    /// Starts or stops playing; `now` is the app's clock in seconds.
    pub fn toggle_play(&mut self, now: f64) {
        self.playing = match self.playing {
            Some(_) => None,
            None => Some(now),
        };
    }

    /// Goes on to the next state when it is time. Returns the seconds until the next step while
    /// playing.
    pub fn play(&mut self, now: f64) -> Option<f64> {
        let began = self.playing?;
        let left = began + PACE - now;
        if left > 0.0 {
            return Some(left);
        }
        self.playing = Some(now);
        let layers = self.report().map_or(0, |report| report.layers.len());
        let state = self.view.state();
        self.select_state(if state >= layers { 0 } else { state + 1 });
        Some(PACE)
    }

    /// Selects a state: 0 is `inputs_embeds`, k is after layer k.
    pub fn select_state(&mut self, state: usize) {
        self.view.inputs = state == 0;
        if state > 0 {
            self.view.layer = state;
        }
    }

    /// Selects a pair and, by what the token is, the patch or the text token to look at.
    pub fn select_token(&mut self, pair: usize, position: usize) {
        self.view.pair = pair;
        let vision = self.is_vision(pair, position);
        if vision {
            self.view.patch = Some(position);
        } else {
            self.view.query = Some(position);
        }
    }

    /// Whether a token is a vision token, by the pair or by a projection that is known.
    fn is_vision(&self, pair: usize, position: usize) -> bool {
        let Some(run) = self.run() else {
            return false;
        };
        if let Some(view) = run.pairs.get(&pair) {
            let token = view.tokens.get(position);
            return token.is_some_and(|token| token.kind == TokenKind::Vision);
        }
        run.projections.values().any(|projection| {
            (projection.vision.iter())
                .any(|token| (token.pair as usize, token.position as usize) == (pair, position))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playing_goes_through_all_states_and_around() {
        let mut store = Store::new();
        let layers = store.report().unwrap().layers.len();
        store.select_state(0);
        store.toggle_play(10.0);
        let mut seen = Vec::new();
        let mut now = 10.0;
        for _ in 0..=layers {
            seen.push(store.view.state());
            assert!(store.play(now + 0.5).is_some());
            assert_eq!(store.view.state(), *seen.last().unwrap());
            now += PACE;
            store.play(now);
        }
        assert_eq!(seen, (0..=layers).collect::<Vec<_>>());
        assert_eq!(store.view.state(), 0);
        store.toggle_play(now);
        assert_eq!(store.play(now + 99.0), None);
    }
}
