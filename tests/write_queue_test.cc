#include "reconciler/write_queue.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

void push(WriteQueue& queue, const std::string& app, RequestId id) {
  queue.push(app, Request{id, HttpCall()});
}

// "1 2 3"
std::string take(WriteQueue& queue, Duration now) {
  std::string ids;
  for (const Request& request : queue.take(now)) {
    ids += (ids.empty() ? "" : " ") + std::to_string(request.id);
  }
  return ids;
}

}  // namespace

TEST_CASE("no more than the slots are out at once") {
  WriteQueue queue(2);
  for (RequestId id = 1; id <= 4; ++id) push(queue, "blog", id);
  CHECK(take(queue, 0s) == "1 2");
  CHECK(take(queue, 1s).empty());
  queue.done(2);
  CHECK(take(queue, 1s) == "3");
}

TEST_CASE("one app's many requests do not make another's wait") {
  WriteQueue queue(1);
  for (RequestId id = 1; id <= 3; ++id) push(queue, "a", id);
  push(queue, "b", 11);
  push(queue, "c", 21);
  std::string order;
  for (int i = 0; i < 5; ++i) {
    const std::string id = take(queue, 0s);
    order += id + " ";
    queue.done(std::stoull(id));
  }
  CHECK(order == "1 11 21 2 3 ");
}

TEST_CASE("a request that hangs gives its slot free, and takes it only once") {
  WriteQueue queue(1);
  push(queue, "a", 1);
  push(queue, "b", 2);
  push(queue, "b", 3);
  CHECK(take(queue, 0s) == "1");
  CHECK(queue.due(1s) == Duration(2s));
  CHECK(take(queue, 1999ms).empty());
  CHECK(take(queue, 2s) == "2");
  queue.done(1);
  CHECK(take(queue, 2s).empty());  // 2 is still out
  queue.done(2);
  CHECK(take(queue, 2s) == "3");
}

TEST_CASE("nothing is due where nobody waits, or nobody holds a slot") {
  WriteQueue queue(1);
  CHECK_FALSE(queue.due(0s).has_value());
  push(queue, "a", 1);
  CHECK_FALSE(queue.due(0s).has_value());
  take(queue, 0s);
  CHECK_FALSE(queue.due(0s).has_value());
}

TEST_CASE("where all requests hang, no more than a few times the slots are out") {
  WriteQueue queue(1);
  for (RequestId id = 1; id <= 6; ++id) push(queue, "a", id);
  CHECK(take(queue, 0s) == "1");
  CHECK(take(queue, 10s) == "2");
  CHECK(take(queue, 20s) == "3");
  CHECK(take(queue, 30s) == "4");
  CHECK(take(queue, 40s).empty());
  queue.done(2);
  CHECK(take(queue, 40s) == "5");
}

TEST_CASE("more slots let more go at once") {
  WriteQueue queue(1);
  for (RequestId id = 1; id <= 3; ++id) push(queue, "a", id);
  CHECK(take(queue, 0s) == "1");
  queue.set_slots(3);
  CHECK(take(queue, 0s) == "2 3");
}
