//! The notice above a form that was not recorded for a reason other than its fields. The form is shown again with
//! everything that was typed.

use axum::http::StatusCode;
use cra_runtime::rejection;
use tonic::Code;

use crate::fault::Fault;

/// A message above the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) text: String,
    /// Reasons of the service, one sentence each.
    pub(crate) details: Vec<String>,
    /// Whether the form can be sent unchanged under another id.
    pub(crate) may_be_another: bool,
}

impl Notice {
    /// The notice for a fault. If the fault may be temporary, the notice says that the same form can be sent again,
    /// which records it once.
    pub(crate) fn of(fault: &Fault) -> Self {
        const RETRY_HINT: &str = "Rien de ce que vous avez saisi n'est perdu : envoyez de nouveau ce formulaire dans un instant. Il \
                             ne sera jamais enregistré deux fois.";
        let (status, title, text) = fault.described();
        let again = |title: &str| (StatusCode::SERVICE_UNAVAILABLE, title.to_owned(), RETRY_HINT.to_owned());
        let mut may_be_another = false;
        let (status, title, text) = match fault {
            Fault::Busy | Fault::TooSlow => again(title),
            Fault::FormExpired => (
                status,
                title.to_owned(),
                "Il est resté ouvert longtemps, ou le service a redémarré. Rien de ce que vous avez saisi n'est perdu : relisez-le, \
                 puis envoyez-le de nouveau."
                    .to_owned(),
            ),
            Fault::Refused(refused) => match refused.code() {
                Code::Unavailable | Code::Cancelled | Code::Unknown | Code::ResourceExhausted | Code::DeadlineExceeded => {
                    again("L'enregistrement n'a pas pu être confirmé")
                }
                Code::Aborted if rejection::retry_delay_of(refused).is_some() => {
                    again("L'enregistrement n'a pas pu être confirmé")
                }
                Code::AlreadyExists => {
                    may_be_another = true;
                    (
                        StatusCode::CONFLICT,
                        "Déjà enregistré, avec un autre contenu".to_owned(),
                        "Ce formulaire a déjà été enregistré, puis modifié et envoyé de nouveau. Si c'est une autre activité, \
                         enregistrez-la comme un autre compte-rendu ; sinon, corrigez celui qui est enregistré."
                            .to_owned(),
                    )
                }
                Code::PermissionDenied => (
                    status,
                    title.to_owned(),
                    "Vos droits ne permettent pas d'enregistrer ce compte-rendu. Vérifiez le conseiller, la structure et la \
                     commune, ou demandez un accès à votre administrateur."
                        .to_owned(),
                ),
                _ => (status, title.to_owned(), text),
            },
            _ => (status, title.to_owned(), text),
        };
        // The notice already contains the sentence about a conflict of ids.
        let details = if may_be_another { Vec::new() } else { fault.details() };
        Self { status, title, text, details, may_be_another }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_moment_asks_to_send_again_and_one_of_rights_does_not() {
        let refused = |code| Fault::Refused(Box::new(tonic::Status::new(code, "")));
        for fault in
            [refused(Code::Unavailable), refused(Code::DeadlineExceeded), Fault::Busy, Fault::TooSlow]
        {
            let notice = Notice::of(&fault);
            assert_eq!(notice.status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(notice.text.contains("envoyez de nouveau"), "{notice:?}");
        }
        let notice = Notice::of(&refused(Code::PermissionDenied));
        assert!(notice.status == StatusCode::FORBIDDEN && !notice.text.contains("de nouveau"), "{notice:?}");
        assert!(Notice::of(&refused(Code::AlreadyExists)).may_be_another);
    }
}
