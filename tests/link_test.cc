#include "reconciler/link.h"

#include <doctest/doctest.h>

#include <string>

#include "providers/docker/docker.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

const char* const version = R"({"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"})";
const char* const info = R"({"NCPU":2})";

// A link to an engine that answers what the test says, over the real provider.
struct Linked {
  std::unique_ptr<Provider> provider = docker::make_provider(fairlead::testing::test_keys());
  Link link;
  Platform platform;
  Instant now{100s, 1000s};

  explicit Linked(Link::Timing timing = {}) : link(*provider, timing, 1) {
    link.set_place(Place(), "", now);
  }

  // What it wants now: "GET /version", "subscribe", "list 5", "unsubscribe".
  std::string wake() {
    const Link::Wants wants = link.wake(platform, now);
    std::string text;
    if (wants.unsubscribe) text += "unsubscribe ";
    if (wants.handshake) {
      const auto& call = std::get<HttpCall>(*wants.handshake);
      text += call.method + " " + call.path + " ";
    }
    if (wants.subscribe) text += "subscribe ";
    if (!wants.listing.empty()) text += "list " + std::to_string(wants.listing.size()) + " ";
    return text;
  }
  void handshake() {
    CHECK(wake() == "GET /version ");
    link.take_handshake(link.generation(), {200, version, ""}, platform, now);
    CHECK(wake() == "GET /info ");
    link.take_handshake(link.generation(), {200, info, ""}, platform, now);
  }
  // Answers all of a listing; whether an observation came of it.
  bool listing(int failing = -1) {
    std::optional<Observer::Observed> observed;
    for (std::size_t i = 0; i < 5; ++i) {
      const bool fails = static_cast<int>(i) == failing;
      const char* body = i == 2 ? R"({"Volumes":[]})" : "[]";
      observed = link.take_listing(link.generation(), i,
                                   {fails ? 500 : 200, fails ? "oops" : body, ""}, now);
    }
    return observed.has_value();
  }
  void connect() {
    handshake();
    CHECK(wake() == "subscribe ");
    link.take_stream_opened();
    CHECK(wake() == "list 5 ");
    CHECK(listing());
    CHECK(link.up());
  }
};

}  // namespace

TEST_CASE("first the handshake, then the stream, and the list only when the stream is open") {
  Linked linked;
  CHECK(linked.link.error() == "not connected yet");
  linked.handshake();
  CHECK(linked.wake() == "subscribe ");
  CHECK(linked.wake().empty());
  CHECK_FALSE(linked.link.up());
  linked.link.take_stream_opened();
  CHECK(linked.wake() == "list 5 ");
  CHECK(linked.wake().empty());
  CHECK(linked.listing());
  CHECK(linked.link.up());
  CHECK(linked.link.first_listing());
  CHECK(linked.link.error().empty());
  CHECK(linked.link.session()->description == "Docker Engine 20.10.24, API 1.41");
}

TEST_CASE("for a single look no stream is opened") {
  Linked linked({30s, false});
  linked.handshake();
  CHECK(linked.wake() == "list 5 ");
}

TEST_CASE("at rest it lists again at each resync, with jitter, and when the list is stale") {
  Linked linked;
  linked.connect();
  CHECK(linked.wake().empty());
  CHECK(linked.link.due() >= 124s);
  CHECK(linked.link.due() <= 136s);
  linked.now.steady = linked.link.due();
  CHECK(linked.wake() == "list 5 ");
  CHECK(linked.listing());
  CHECK_FALSE(linked.link.first_listing());
  linked.link.relist();
  CHECK(linked.link.due() <= linked.now.steady);
  CHECK(linked.wake() == "list 5 ");
  CHECK(linked.wake().empty());
}

TEST_CASE("when the stream ends all begins anew, with a list that may have missed something") {
  Linked linked;
  linked.connect();
  linked.link.take_stream_closed("", linked.now);
  CHECK_FALSE(linked.link.up());
  CHECK(linked.link.error() == "the engine closed the event stream");
  CHECK(linked.link.reconnects() == 1);
  CHECK(linked.wake().empty());
  linked.now.steady = linked.link.due();
  linked.connect();
  CHECK(linked.link.first_listing());
}

TEST_CASE("where the stream lost events it lists again, at most once a second, and stays up") {
  Linked linked;
  linked.connect();
  linked.now.steady += 10s;
  linked.link.take_events_lost(linked.now);
  CHECK(linked.link.due() <= linked.now.steady);
  CHECK(linked.wake() == "list 5 ");
  // In the middle of a listing: what was lost may be behind what is listed already.
  linked.link.take_events_lost(linked.now);
  CHECK(linked.listing());
  CHECK(linked.wake().empty());
  CHECK(linked.link.due() == linked.now.steady + 1s);
  linked.now.steady += 500ms;
  linked.link.take_events_lost(linked.now);
  CHECK(linked.wake().empty());
  linked.now.steady += 500ms;
  CHECK(linked.wake() == "list 5 ");
  CHECK(linked.listing());
  CHECK(linked.wake().empty());
  CHECK(linked.link.due() >= linked.now.steady + 24s);
  CHECK(linked.link.up());
  CHECK(linked.link.reconnects() == 0);
  CHECK(linked.link.events_lost() == 3);
}

TEST_CASE("tries are at least a second apart and grow to half a minute") {
  Linked linked;
  Duration last(0);
  for (int i = 0; i < 12; ++i) {
    linked.now.steady = std::max(linked.now.steady, linked.link.due());
    CHECK(linked.wake() == "GET /version ");
    linked.link.take_handshake(linked.link.generation(), {0, "", "connection refused"},
                               linked.platform, linked.now);
    last = linked.link.due() - linked.now.steady;
    CHECK(last >= 1s);
    CHECK(last <= 36s);
    CHECK(linked.wake().empty());
  }
  CHECK(last >= 24s);
  CHECK(linked.link.tries() == 12);
  CHECK(linked.link.error().find("connection refused") != std::string::npos);
  linked.now.steady = linked.link.due();
  linked.connect();
  CHECK(linked.link.tries() == 0);
}

TEST_CASE("half a list counts as none: the connection is made anew and the stream let go") {
  for (int failing = 0; failing < 5; ++failing) {
    Linked linked;
    linked.handshake();
    linked.wake();
    linked.link.take_stream_opened();
    linked.wake();
    CHECK_FALSE(linked.listing(failing));
    CHECK_FALSE(linked.link.up());
    linked.now.steady = linked.link.due();
    CHECK(linked.wake() == "unsubscribe GET /version ");
  }
}

TEST_CASE("an engine that fairlead does not speak with is told so") {
  Linked linked;
  linked.wake();
  linked.link.take_handshake(linked.link.generation(),
                             {200, R"({"ApiVersion":"1.39","MinAPIVersion":"1.12"})", ""},
                             linked.platform, linked.now);
  linked.wake();
  linked.link.take_handshake(linked.link.generation(), {200, info, ""}, linked.platform,
                             linked.now);
  CHECK(linked.link.error().find("upgrade the engine") != std::string::npos);
}

TEST_CASE("what comes late or unasked changes nothing") {
  Linked linked;
  linked.link.take_stream_opened();
  linked.link.take_stream_closed("gone", linked.now);
  CHECK_FALSE(linked.link.take_listing(linked.link.generation(), 0, {200, "[]", ""}, linked.now)
                  .has_value());
  linked.connect();
  linked.link.take_handshake(linked.link.generation(), {500, "", ""}, linked.platform, linked.now);
  CHECK(linked.link.up());
}
