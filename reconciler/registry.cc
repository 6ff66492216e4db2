#include "reconciler/registry.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "reconciler/grammar.h"
#include "reconciler/registries.h"
#include "reconciler/url.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 10s;
constexpr int page_tags = 1000;
constexpr int pages_max = 50;
constexpr std::size_t tags_max = 50'000;
constexpr std::size_t list_bytes_max = 4u << 20;
constexpr std::size_t token_bytes_max = 256u << 10;
constexpr int status_refused = 401;
constexpr int forbidden = 403;
constexpr int missing = 404;
constexpr int too_many = 429;
constexpr Duration retry_after_max = 1h;

// Indexes first: a registry answers with the kind that stands first for what it has.
constexpr char manifest_types[] =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string header(const Answer& answer, const char* name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? "" : found->second;
}

// "https://auth.docker.io/token?x=y" taken apart.
struct Url {
  bool tls = false;
  std::string endpoint;  // "HOST:PORT"
  std::string path;      // with query

  static std::optional<Url> parse(const std::string& text) {
    Url url;
    url.tls = lower_case(text.substr(0, 8)) == "https://";
    if (!url.tls && lower_case(text.substr(0, 7)) != "http://") return std::nullopt;
    const std::size_t begin = url.tls ? 8 : 7;
    const std::size_t slash = std::min(text.find('/', begin), text.size());
    const std::string place = lower_case(text.substr(begin, slash - begin));
    if (!is_registry(place) || has_control_characters(text)) return std::nullopt;
    const bool port = place.find(':') != place.npos;
    url.endpoint = place + (port ? "" : url.tls ? ":443" : ":80");
    url.path = slash == text.size() ? "/" : text.substr(slash);
    if (url.path.find_first_of(" #") != url.path.npos) return std::nullopt;
    return url;
  }
};

bool on_this_machine(const std::string& endpoint) {
  const auto image = ImageRef::parse(endpoint + "/x");
  return image && image->local();
}

// Where `</v2/acme/blog/tags/list?last=x>; rel="next"` leads, on the same registry.
std::string next_page(const std::string& link, const std::string& endpoint) {
  const std::size_t open = link.find('<');
  const std::size_t close = std::min(link.find('>'), link.size());
  if (open == link.npos || close < open ||
      lower_case(link.substr(close)).find("rel=\"next\"") == link.npos) {
    return "";
  }
  std::string path = link.substr(open + 1, close - open - 1);
  if (const auto url = Url::parse(path); url && url->endpoint == endpoint) path = url->path;
  const bool good = path.compare(0, 4, "/v2/") == 0 && !has_control_characters(path) &&
                    path.find(' ') == path.npos;
  return good ? path : "";
}

// What the registry says about it, for the end of a message.
std::string said(const Answer& answer) {
  std::string text = "HTTP " + std::to_string(answer.status);
  const Result<Json> body = Json::parse(answer.body);
  if (!body) return text;
  const auto& errors = (*body)["errors"].items();
  const std::string& why =
      errors.empty() ? (*body)["details"].as_string() : errors.front()["message"].as_string();
  return why.empty() ? text : text + ": " + why.substr(0, 200);
}

class ChallengeReader {
 public:
  explicit ChallengeReader(std::string_view text) : rest_(text) {}

  std::map<std::string, std::map<std::string, std::string>> read() {
    std::map<std::string, std::map<std::string, std::string>> challenges;
    std::string scheme;
    while (true) {
      skip(" ,\t");
      const std::string name = lower_case(word());
      if (name.empty()) return challenges;
      skip(" \t");
      if (take('=')) {
        challenges[scheme].emplace(name, value());
      } else {
        scheme = name;
        challenges[scheme];
      }
    }
  }

 private:
  void skip(std::string_view set) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(set), rest_.size()));
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string word() {
    const std::string text(rest_.substr(0, rest_.find_first_of(" ,=\"\t")));
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string value() {
    skip(" \t");
    if (!take('"')) return word();
    std::string text;
    while (!rest_.empty() && !take('"')) {
      if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_[0];
      rest_.remove_prefix(1);
    }
    return text;
  }

  std::string_view rest_;
};

}  // namespace

std::map<std::string, std::map<std::string, std::string>> parse_challenges(
    std::string_view header) {
  return ChallengeReader(header).read();
}

Inquiry::Inquiry(Question question, const Platform& platform)
    : question_(std::move(question)), platform_(platform) {
  const std::string& registry = question_.image.registry;
  const RegistryLogin* login = question_.anonymous ? nullptr : login_of(platform_, registry);
  if (login) {
    login_ = Login{login->user, Secret(), login->password_file};
  }
  const bool by_digest = question_.track && question_.track->by == Track::By::digest;
  phase_ = by_digest && !question_.list ? Phase::digest : Phase::tags;
  finding_.tag = question_.track ? question_.current : "";
  page_ = "/v2/" + question_.image.repository + "/tags/list?n=" + std::to_string(page_tags);
  const Result<void> allowed = may_use(platform_, registry);
  if (!allowed) fail(allowed.error().code, allowed.error().message + ": nothing was asked");
}

HttpCall Inquiry::call(std::string method, std::string path) const {
  HttpCall call;
  call.endpoint = question_.image.endpoint();
  call.method = std::move(method);
  call.path = std::move(path);
  call.timeout = answer_timeout;
  call.body_max = list_bytes_max;
  call.public_only = !is_listed(platform_, question_.image.registry);
  if (!question_.image.local()) call.tls = Tls{};
  if (basic_) call.login = login_;
  if (!token_.empty()) call.headers.emplace_back("Authorization", "Bearer " + token_);
  return call;
}

std::optional<HttpCall> Inquiry::next() {
  if (finished() || std::exchange(asked_, true)) return std::nullopt;
  if (phase_ == Phase::token) return token_call_;
  if (phase_ == Phase::tags) return call("GET", page_);
  HttpCall head = call("HEAD", "/v2/" + question_.image.repository + "/manifests/" + finding_.tag);
  head.headers.emplace_back("Accept", manifest_types);
  return head;
}

void Inquiry::enter(Phase phase) {
  phase_ = phase;
  asked_ = false;
}

void Inquiry::fail(Code code, std::string message) {
  enter(Phase::finished);
  result_ = Error{code, std::move(message), ""};
}

void Inquiry::take(const Answer& answer) {
  if (finished() || !asked_ || !usable(answer)) return;
  if (phase_ == Phase::tags) return take_tags(answer);
  phase_ == Phase::token ? take_token(answer) : take_digest(answer);
}

bool Inquiry::usable(const Answer& answer) {
  const ImageRef& image = question_.image;
  const std::string place =
      phase_ == Phase::token
          ? token_call_.endpoint + ", which gives logins for " + image.registry + ","
          : "the registry " + image.registry;
  if (answer.ok()) return true;
  if (!answer.answered()) {
    fail(Code::unavailable, place + " cannot be reached: " + answer.error);
  } else if (answer.status == too_many) {
    int seconds = 0;
    const std::string wish = header(answer, "retry-after");
    std::from_chars(wish.data(), wish.data() + wish.size(), seconds);
    retry_after_ = std::clamp<Duration>(std::chrono::seconds(seconds), 0s, retry_after_max);
    fail(Code::unavailable, place + " has had too many requests from here (" + said(answer) +
                                "); a login under `registries` in the platform file may have more");
  } else if (answer.status == status_refused && phase_ != Phase::token && !authorized_) {
    authorize(header(answer, "www-authenticate"));
  } else if (answer.status == status_refused || answer.status == forbidden) {
    refuse(said(answer));
  } else if (answer.status == missing && phase_ == Phase::tags) {
    fail(Code::not_found, place + " has no repository " + image.repository + " (" + said(answer) +
                              "): correct the name, or push to it");
  } else if (answer.status == missing && phase_ == Phase::digest) {
    fail(Code::not_found, place + " has no tag " + finding_.tag + " of " + image.repository + " (" +
                              said(answer) + "): correct the tag, or push it");
  } else {
    fail(Code::unavailable, place + " does not answer as a registry should (" + said(answer) + ")");
  }
  return false;
}

void Inquiry::refuse(const std::string& what) {
  const std::string& registry = question_.image.registry;
  if (!login_) {
    fail(Code::denied,
         "the registry " + registry + " does not give " + question_.image.repository +
             " without a login (" + what +
             "): add one under `registries` in the platform file, or correct the name");
  } else if (phase_ == Phase::token || basic_) {
    fail(Code::denied, "the registry " + registry + " refuses the login of " + login_->user + " (" +
                           what +
                           "): check user and password file under `registries` in the platform "
                           "file, and that it may read " +
                           question_.image.repository);
  } else {
    fail(Code::denied, "the login of " + login_->user + " at the registry " + registry +
                           " may not read " + question_.image.repository + " (" + what +
                           "): give it the right to, or correct the name");
  }
}

void Inquiry::authorize(const std::string& challenge) {
  authorized_ = true;
  const auto challenges = parse_challenges(challenge);
  if (const auto bearer = challenges.find("bearer"); bearer != challenges.end()) {
    return ask_token(bearer->second);
  }
  if (challenges.count("basic") == 0) {
    return fail(Code::unavailable, "the registry " + question_.image.registry +
                                       " wants a kind of login that fairlead does not know: \"" +
                                       challenge.substr(0, 200) + "\"");
  }
  if (!login_) return refuse("HTTP 401");
  basic_ = true;
  enter(phase_);
}

void Inquiry::ask_token(const std::map<std::string, std::string>& challenge) {
  const auto get = [&](const char* key, const std::string& otherwise) {
    const auto found = challenge.find(key);
    return found == challenge.end() ? otherwise : found->second;
  };
  const std::string realm = get("realm", "");
  const auto url = Url::parse(realm);
  // What goes to another machine must be encrypted, and an encrypted registry has no reason to send
  // anyone into the clear.
  const bool in_the_clear = url && !url->tls && !on_this_machine(url->endpoint);
  const bool worse = url && !url->tls && !question_.image.local();
  if (!url || in_the_clear || worse) {
    return fail(Code::denied, "the registry " + question_.image.registry + " sends logins to \"" +
                                  realm.substr(0, 200) +
                                  "\", which is no https address: nothing was sent there");
  }
  const Result<void> allowed = may_ask_token(platform_, question_.image.registry, url->endpoint);
  if (!allowed) return fail(Code::denied, allowed.error().message);
  token_call_ = HttpCall{};
  token_call_.public_only = !is_listed(platform_, url->endpoint);
  token_call_.endpoint = url->endpoint;
  token_call_.path =
      url->path + (url->path.find('?') == url->path.npos ? "?" : "&") +
      "service=" + percent_encode(get("service", "")) + "&scope=" +
      percent_encode(get("scope", "repository:" + question_.image.repository + ":pull"));
  token_call_.login = login_;
  if (url->tls) token_call_.tls = Tls{};
  token_call_.timeout = answer_timeout;
  token_call_.body_max = token_bytes_max;
  after_token_ = phase_;
  enter(Phase::token);
}

void Inquiry::take_token(const Answer& answer) {
  const Result<Json> body = Json::parse(answer.body);
  if (body) {
    const std::string& token = (*body)["token"].as_string();
    token_ = token.empty() ? (*body)["access_token"].as_string() : token;
  }
  if (token_.empty() || has_control_characters(token_)) {
    return fail(Code::unavailable, token_call_.endpoint + ", which gives logins for " +
                                       question_.image.registry + ", answers without a token");
  }
  enter(after_token_);
}

void Inquiry::take_tags(const Answer& answer) {
  const Result<Json> body = Json::parse(answer.body);
  const std::string place = "the registry " + question_.image.registry;
  if (!body || !body->has("tags")) {
    return fail(Code::unavailable, place + " does not answer with a list of tags");
  }
  for (const Json& item : (*body)["tags"].items()) {
    const std::string& tag = item.as_string();
    // It becomes part of paths and of references.
    if (is_image("x:" + tag)) finding_.tags.push_back(tag);
  }
  const std::string page = next_page(header(answer, "link"), question_.image.endpoint());
  if (!page.empty()) {
    if (++pages_ >= pages_max || finding_.tags.size() > tags_max) {
      return fail(Code::unavailable, place + " has more than " +
                                         std::to_string(finding_.tags.size()) + " tags of " +
                                         question_.image.repository + ": remove old ones");
    }
    page_ = page;
    return enter(Phase::tags);
  }
  if (!question_.track) {
    enter(Phase::finished);
    result_ = finding_;
    return;
  }
  finding_.tag =
      question_.track->choose(question_.current, finding_.tags).value_or(question_.current);
  enter(Phase::digest);
}

void Inquiry::take_digest(const Answer& answer) {
  const std::string digest = header(answer, "docker-content-digest");
  if (!is_image("x@" + digest)) {
    return fail(Code::unavailable, "the registry " + question_.image.registry +
                                       " does not say the digest of " + finding_.tag);
  }
  finding_.digest = digest;
  enter(Phase::finished);
  result_ = finding_;
}

}  // namespace fairlead
