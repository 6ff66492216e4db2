#pragma once

#include "providers/provider.h"

// What an answer to a step means for the loop, and what people are told. One table, measured on
// 3.10; see the header of the provider for the requests.
namespace fairlead::rabbitmq {

Outcome judge_step(const Step& step, const Answer& answer);

// What to do about a refused login, as part of a sentence.
std::string login_advice(bool managed, const std::string& user);

}  // namespace fairlead::rabbitmq
