// Command crop cuts a region out of an image through the front door of a mesh.
//
//	crop 127.0.0.1:50051 chart.png legend.png 420 20 620 120
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "thinkimg_rpc/v1"
)

const deadline = 10 * time.Second

func main() {
	if len(os.Args) != 8 {
		fmt.Fprintln(os.Stderr, "usage: crop ADDRESS INPUT OUTPUT X0 Y0 X1 Y1")
		os.Exit(2)
	}
	box, err := parseBox(os.Args[4:])
	if err == nil {
		err = crop(os.Args[1], os.Args[2], os.Args[3], box)
	}
	if err != nil {
		explain(err)
		os.Exit(1)
	}
}

func parseBox(texts []string) (*pb.Box, error) {
	edges := make([]float64, len(texts))
	for i, text := range texts {
		edge, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		edges[i] = edge
	}
	return &pb.Box{X0: &edges[0], Y0: &edges[1], X1: &edges[2], Y1: &edges[3]}, nil
}

func crop(address, input, output string, box *pb.Box) error {
	data, err := os.ReadFile(input)
	if err != nil {
		return err
	}
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	response, err := pb.NewCropServiceClient(connection).Crop(ctx, &pb.CropRequest{
		Image: &pb.Image{Source: &pb.Image_Data{Data: data}},
		Box:   box,
	})
	if err != nil {
		return err
	}
	result := response.Image
	if result.Data == nil {
		// Above 2 MiB only the digest comes back: see ImageStoreService.GetImage.
		return fmt.Errorf("too large to come along: fetch %s", result.Digest)
	}
	fmt.Printf("%d×%d\n", result.Width, result.Height)
	return os.WriteFile(output, result.Data, 0o644)
}

// explain prints the status and, where the caller is to blame, which fields.
func explain(err error) {
	answer, isStatus := status.FromError(err)
	if !isStatus {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", answer.Code(), answer.Message())
	for _, detail := range answer.Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.FieldViolations {
				fmt.Fprintf(os.Stderr, "  %s: %s\n", violation.Field, violation.Description)
			}
		}
	}
}
