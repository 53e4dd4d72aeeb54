#include "preload/request_parts.h"
void rs_request_reads_postgresql(struct rs_request *request, struct rs_request_input *in) {(void)request;(void)in;}
void rs_request_reads_mysql(struct rs_request *request, struct rs_request_input *in){(void)request;(void)in;}
bool rs_request_postgresql_waits(const struct rs_request *request){(void)request;return false;}
void rs_request_postgresql_written(struct rs_request *request, const uint8_t *bytes, size_t known){(void)request;(void)bytes;(void)known;}
