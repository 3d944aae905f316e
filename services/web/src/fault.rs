//! Error pages in French: what happened, whether it is temporary, and what to do. Internal error texts go to the log
//! only.

use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cra_runtime::rejection;
use tonic::{Code, Status};

use crate::plain::{Frame, page};

/// Seconds after which the page about an unavailable service reloads.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The reverse proxy sent no token.
    NoToken,
    /// A service answered with this status, or could not be reached.
    Refused(Box<Status>),
    /// No page has this address.
    NotFound,
    /// The page does not support the method.
    Method,
    /// The request's host is not a configured name of the pages.
    UnknownHost,
    /// A form that was sent by a page elsewhere.
    Foreign,
    /// The token of a form was not issued to this browser, or has expired.
    FormExpired,
    /// A form that exceeds its bound in bytes.
    TooLarge,
    /// A body that is not a form.
    NotAForm,
    /// A form without the file that it requires.
    NoFile,
    /// An import that is unknown or belongs to another person.
    ImportGone,
    /// The limit of concurrent pages is reached.
    Busy,
    /// The page exceeded its time limit.
    TooSlow,
    /// An internal error; the log says more.
    Internal(String),
}

/// Content of an error page.
struct Shown {
    status: StatusCode,
    title: &'static str,
    text: String,
    /// Whether the same request may succeed later, and when the page reloads.
    retry: Option<Duration>,
}

#[derive(Template)]
#[template(path = "fault/page.html")]
struct FaultPage {
    frame: Frame,
    title: &'static str,
    text: String,
    /// The violations, one sentence each.
    details: Vec<String>,
    retry_s: Option<u64>,
}

impl Fault {
    fn shown(&self) -> Shown {
        let of = |status, title, text: &str, retry| Shown { status, title, text: text.to_owned(), retry };
        match self {
            Self::NoToken => of(
                StatusCode::UNAUTHORIZED,
                "Vous n'êtes pas connecté",
                "Cette page a besoin de savoir qui la demande. Reconnectez-vous, puis ouvrez-la de nouveau.",
                None,
            ),
            Self::Refused(status) => of_status(status),
            Self::NotFound => of(
                StatusCode::NOT_FOUND,
                "Page introuvable",
                "Aucune page n'a cette adresse. Vérifiez-la, ou partez des statistiques.",
                None,
            ),
            Self::Method => of(
                StatusCode::METHOD_NOT_ALLOWED,
                "Demande impossible",
                "Cette page se lit seulement. Ouvrez-la depuis les statistiques.",
                None,
            ),
            Self::UnknownHost => of(
                StatusCode::MISDIRECTED_REQUEST,
                "Adresse inconnue",
                "Ces pages ne sont pas servies sous ce nom. Utilisez l'adresse que votre administrateur vous a donnée.",
                None,
            ),
            Self::Foreign => of(
                StatusCode::FORBIDDEN,
                "Envoi refusé",
                "Cet envoi ne vient pas de ces pages : rien n'a été enregistré. Ouvrez le formulaire ici, puis envoyez-le.",
                None,
            ),
            Self::FormExpired => of(
                StatusCode::FORBIDDEN,
                "Ce formulaire n'est plus valable",
                "Il est resté ouvert trop longtemps, ou vient d'un autre navigateur : rien n'a été enregistré. Rouvrez-le, \
                 puis envoyez-le de nouveau.",
                None,
            ),
            Self::TooLarge => of(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Envoi trop volumineux",
                "Ce formulaire contient plus que ce qui peut être reçu : rien n'a été enregistré.",
                None,
            ),
            Self::NotAForm => of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Envoi illisible",
                "Cet envoi n'est pas un formulaire de ces pages : rien n'a été enregistré.",
                None,
            ),
            Self::NoFile => of(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Aucun fichier n'est choisi",
                "Choisissez le fichier à importer, puis envoyez-le.",
                None,
            ),
            Self::ImportGone => of(
                StatusCode::NOT_FOUND,
                "Cet import n'est plus disponible",
                "Un fichier vérifié est gardé une heure, pour le navigateur et la personne qui l'ont envoyé. Envoyez-le de \
                 nouveau : ce qui est déjà enregistré ne le sera pas deux fois.",
                None,
            ),
            Self::Busy => of(
                StatusCode::SERVICE_UNAVAILABLE,
                "Beaucoup de demandes en ce moment",
                "Le service est très sollicité.",
                Some(RETRY_AFTER),
            ),
            Self::TooSlow => of(
                StatusCode::GATEWAY_TIMEOUT,
                "La réponse se fait attendre",
                "Les chiffres n'ont pas pu être comptés à temps. Une période plus courte demande moins de calculs.",
                None,
            ),
            Self::Internal(_) => of(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Une erreur s'est produite",
                "La page n'a pas pu être préparée. L'erreur est enregistrée ; réessayez plus tard.",
                None,
            ),
        }
    }

    /// Status, title and text, for a page that shows the fault within its content.
    pub(crate) fn described(&self) -> (StatusCode, &'static str, String) {
        let Shown { status, title, text, .. } = self.shown();
        (status, title, text)
    }

    /// The violations, one sentence each.
    pub(crate) fn details(&self) -> Vec<String> {
        let Self::Refused(status) = self else { return Vec::new() };
        let mut details: Vec<_> = rejection::violations_of(status)
            .into_iter()
            .map(|violation| match violation.localized_message {
                french if french.is_empty() => violation.description,
                french => french,
            })
            .collect();
        details.extend(rejection::french_of(status));
        details
    }
}

fn of_status(status: &Status) -> Shown {
    let shown = |code, title, text: &str, retry| Shown { status: code, title, text: text.to_owned(), retry };
    let is_broken = std::error::Error::source(status).is_some();
    let reason = rejection::reason_of(status);
    match status.code() {
        Code::Unavailable | Code::Cancelled => unavailable(status),
        Code::Unknown | Code::Internal if is_broken => unavailable(status),
        Code::ResourceExhausted => shown(
            StatusCode::SERVICE_UNAVAILABLE,
            "Beaucoup de demandes en ce moment",
            "Le service est très sollicité.",
            Some(rejection::retry_delay_of(status).unwrap_or(RETRY_AFTER).max(Duration::from_secs(1))),
        ),
        Code::DeadlineExceeded => Fault::TooSlow.shown(),
        Code::Unauthenticated => Fault::NoToken.shown(),
        Code::PermissionDenied => shown(
            StatusCode::FORBIDDEN,
            "Accès refusé",
            "Vos droits ne couvrent pas cette demande. Réduisez la sélection à votre périmètre, ou demandez un accès à votre \
             administrateur.",
            None,
        ),
        Code::NotFound => Fault::NotFound.shown(),
        Code::InvalidArgument => {
            shown(StatusCode::BAD_REQUEST, "Demande refusée", "La demande contient une erreur.", None)
        }
        Code::OutOfRange => shown(
            StatusCode::BAD_REQUEST,
            "Position inconnue",
            "Le journal n'a pas cette position. L'adresse vient peut-être d'un autre journal.",
            None,
        ),
        Code::Aborted if reason.as_deref() == Some("LOG_REPLACED") => shown(
            StatusCode::CONFLICT,
            "Autre journal",
            "Le journal a été remplacé : cette position n'y désigne plus les mêmes chiffres.",
            None,
        ),
        Code::Aborted if reason.as_deref() == Some("CRA_REVISION_CHANGED") => shown(
            StatusCode::CONFLICT,
            "Modifié entre-temps",
            "Une autre personne a modifié ce compte-rendu. Relisez-le avant de le changer.",
            None,
        ),
        Code::AlreadyExists => shown(
            StatusCode::CONFLICT,
            "Déjà enregistré",
            "Un autre contenu est déjà enregistré sous cet identifiant.",
            None,
        ),
        Code::FailedPrecondition => shown(
            StatusCode::CONFLICT,
            "Compte-rendu retiré",
            "Ce compte-rendu a été retiré des statistiques : il ne change plus. Enregistrez-en un autre s'il le faut.",
            None,
        ),
        _ => Fault::Internal(String::new()).shown(),
    }
}

fn unavailable(status: &Status) -> Shown {
    Shown {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "Le service ne répond pas",
        text: "Il redémarre ou il est en maintenance. Aucune donnée n'est perdue.".to_owned(),
        retry: Some(rejection::retry_delay_of(status).unwrap_or(RETRY_AFTER).max(RETRY_AFTER)),
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let shown = self.shown();
        if shown.status.is_server_error() {
            match &self {
                Self::Refused(status) => {
                    tracing::warn!(code = ?status.code(), message = status.message(), "a question failed");
                }
                Self::Internal(reason) => tracing::warn!(reason, "a page failed"),
                fault => tracing::warn!(?fault, "a page failed"),
            }
        }
        let retry_s = shown.retry.map(|delay| delay.as_secs().max(1));
        let answered = page(&FaultPage {
            frame: Frame::new(shown.title, ""),
            title: shown.title,
            text: shown.text,
            details: self.details(),
            retry_s,
        });
        let mut response = (shown.status, answered).into_response();
        if let Some(seconds) = retry_s {
            // The browser reloads the page by itself, also without JavaScript.
            for name in [header::RETRY_AFTER, header::REFRESH] {
                response.headers_mut().insert(name, HeaderValue::from(seconds));
            }
        }
        response
    }
}
