//! `CNI_ARGS`: what a user of the runtime may add for one container [CNI CONVENTIONS, CNI_ARGS].

use super::failure::Failure;

/// Arguments that ask for an address of one's own choice.
const STATIC: [&str; 2] = ["IP", "MAC"];

/// Judges `CNI_ARGS` for a container whose address we give.
///
/// # Errors
/// [`Failure::Environment`]: not pairs of key and value, an address of the caller's choice, or a key that nobody knows
/// and that `IgnoreUnknown` doesn't excuse.
pub fn judge(arguments: &str) -> Result<(), Failure> {
    let mut mistakes = Vec::new();
    let (mut ignore_unknown, mut unknown) = (false, Vec::new());
    for pair in arguments.split(';').filter(|pair| !pair.trim().is_empty()) {
        match pair.split_once('=') {
            None => mistakes.push(format!("CNI_ARGS: '{pair}' is no KEY=VALUE")),
            Some(("IgnoreUnknown", value)) => match value.to_ascii_lowercase().as_str() {
                "1" | "true" => ignore_unknown = true,
                "0" | "false" => ignore_unknown = false,
                _ => mistakes.push(format!("CNI_ARGS: IgnoreUnknown: '{value}' is neither true nor false")),
            },
            Some((key, value)) if STATIC.contains(&key) => mistakes.push(format!(
                "CNI_ARGS: {key}={value}: addresses are given by the network controller and cannot be chosen; leave it out"
            )),
            Some((key, _)) => unknown.push(key),
        }
    }
    if !ignore_unknown {
        mistakes.extend(unknown.iter().map(|key| {
            format!("CNI_ARGS: {key} is not known here; leave it out, or say IgnoreUnknown=1 if others are to read it")
        }));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Environment(mistakes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_arguments_pass_only_if_the_caller_says_so() {
        for good in
            ["", ";", "IgnoreUnknown=1", "IgnoreUnknown=true;K8S_POD_NAME=a", "K8S_POD_NAME=a=b;IgnoreUnknown=1;"]
        {
            assert!(judge(good).is_ok(), "{good}");
        }
        for bad in ["K8S_POD_NAME=a", "IgnoreUnknown=0;A=1", "IgnoreUnknown=1;A", "IgnoreUnknown=perhaps"] {
            assert_eq!(judge(bad).map_err(|failure| failure.code()), Err(4), "{bad}");
        }
    }

    #[test]
    fn an_address_cannot_be_chosen() {
        for bad in ["IP=192.168.1.7", "IgnoreUnknown=1;IP=192.168.1.7/24", "MAC=02:00:00:00:00:01"] {
            let failure = judge(bad).unwrap_err();
            assert_eq!(failure.code(), 4);
            assert!(failure.to_string().contains("given by the network controller"), "{failure}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in ".*") {
            judge(&text).ok();
        }
    }
}
