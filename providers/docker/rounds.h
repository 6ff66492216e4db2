#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "providers/provider.h"

// What the observers of the engine have in common: calls that are asked in rounds, each with what
// is to be done with its answer. Used by observe.cc and observe_all.cc only.
namespace fairlead::docker {

HttpCall get(std::string path);
// The same, and of the answer only these members (HttpCall::keep).
HttpCall get(std::string path, std::vector<std::string> keep);
// What is read of each container, network or volume of a list. Labels are anybody's.
extern const std::vector<std::string> container_members, network_members, volume_members;
Json label_filter(std::vector<std::string> labels);
Error unreadable(const std::string& what, const Answer& answer);

// Keeps for each call what to do with its answer; the rounds are up to the derived classes.
class Rounds : public Observer {
 public:
  Result<void> take(std::size_t index, const Answer& answer) override {
    FAIRLEAD_CHECK(index < takers_.size());
    return takers_[index](answer);
  }

 protected:
  using Taker = std::function<Result<void>(const Answer&)>;

  void ask(Call call, Taker taker) {
    calls_.push_back(std::move(call));
    takers_.push_back(std::move(taker));
  }
  // A call whose answer must be 200 with JSON, of which `keep` may choose parts.
  void ask_json(Call call, std::string what, std::function<void(const Json&)> taker,
                Json::Keep keep = nullptr) {
    ask(std::move(call),
        [what = std::move(what), taker = std::move(taker),
         keep = std::move(keep)](const Answer& answer) -> Result<void> {
          if (!answer.ok()) return unreadable(what, answer);
          const Result<Json> body = Json::parse(answer.body, keep);
          if (!body) return Error{Code::unavailable, what + ": " + body.error().message, ""};
          taker(*body);
          return {};
        });
  }
  // The same for a long list: each of its objects goes to `taker` by itself.
  void ask_items(Call call, std::string what, std::function<void(const Json&)> taker) {
    ask(std::move(call),
        [what = std::move(what), taker = std::move(taker)](const Answer& answer) -> Result<void> {
          if (!answer.ok()) return unreadable(what, answer);
          const Result<void> read = Json::parse_items(answer.body, taker);
          if (!read) return Error{Code::unavailable, what + ": " + read.error().message, ""};
          return {};
        });
  }
  // The mounted secrets below a folder, "" for all: each path goes to `taker` by itself.
  void ask_files(std::string folder, std::function<void(const std::string&)> taker);
  // The sockets that listen on this host: each goes to `taker`. What cannot be read tells nothing.
  void ask_listening(std::function<void(Publish)> taker);
  std::vector<Call> take_calls() { return std::exchange(calls_, {}); }

 private:
  std::vector<Call> calls_;
  std::vector<Taker> takers_;
};

}  // namespace fairlead::docker
