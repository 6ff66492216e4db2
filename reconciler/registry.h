#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/image_ref.h"
#include "reconciler/platform.h"
#include "reconciler/result.h"
#include "reconciler/versions.h"
#include "reconciler/world.h"

// One conversation with a registry (HTTP API v2 of the OCI distribution specification): which tags
// a repository has, and which digest a tag names. Pure: it gives calls out and takes answers in,
// one at a time; whoever sends them owns it for that long. Errors, in words that say what to do:
// denied (a login is missing, wrong or may not read; or the platform file does not allow it, and
// nothing is asked), not_found (repository or tag), unavailable
// (down, overloaded, no registry). Invariants: (1) a password is never sent in the clear to another
// machine; (2) it ends, whatever the registry answers.
namespace fairlead {

class Inquiry {
 public:
  struct Question {
    ImageRef image;
    // The tag that is in use. Whatever is newer by `track` is looked for.
    std::string current;
    std::optional<Track> track;  // absent: only the tags are asked for
    bool anonymous = false;      // though there is a login
    bool list = false;           // the tags are wanted even if `track` does not need them
  };
  struct Finding {
    std::vector<std::string> tags;  // all, as the registry lists them; empty where not asked for
    std::string tag;                // `current` or what is newer
    std::string digest;             // of `tag`: "sha256:…"; both empty without a track
  };

  Inquiry(Question question, const Platform& platform);

  // The call to send now; none while an answer is awaited, and at the end.
  std::optional<HttpCall> next();
  void take(const Answer& answer);

  bool finished() const { return phase_ == Phase::finished; }
  // Asked for when finished.
  const Result<Finding>& result() const { return result_; }
  // With an error: how long the registry wants to be left alone; 0: it did not say.
  Duration retry_after() const { return retry_after_; }

 private:
  enum class Phase { tags, token, digest, finished };

  HttpCall call(std::string method, std::string path) const;
  void enter(Phase phase);
  void fail(Code code, std::string message);
  void take_tags(const Answer& answer);
  void take_digest(const Answer& answer);
  void take_token(const Answer& answer);
  // Whether the answer is what was asked for; else it has been dealt with.
  bool usable(const Answer& answer);
  void authorize(const std::string& challenge);
  void ask_token(const std::map<std::string, std::string>& challenge);
  void refuse(const std::string& what);

  Question question_;
  Platform platform_;  // as it was when the conversation began
  std::optional<Login> login_;
  Phase phase_;
  Phase after_token_ = Phase::tags;
  bool asked_ = false;       // the call of this phase is out
  bool authorized_ = false;  // the login or a token goes along
  bool basic_ = false;
  std::string token_;
  HttpCall token_call_;
  std::string page_;  // path of the page of the list
  int pages_ = 0;
  Finding finding_;
  Duration retry_after_{0};
  Result<Finding> result_{Error{}};
};

// The challenges of a Www-Authenticate header (RFC 9110): scheme in lower case → its parameters.
std::map<std::string, std::map<std::string, std::string>> parse_challenges(std::string_view header);

}  // namespace fairlead
