#!/usr/bin/env bash
# What cluster.yaml needs of an AWS account, once: the store's bucket, a security group, two roles.
#   docs/cluster/prepare-aws.sh BUCKET REGION SSH_FROM      (SSH_FROM: your address, 198.51.100.7/32)
set -euo pipefail
bucket=${1:?bucket} region=${2:?region} ssh_from=${3:?your address, such as 198.51.100.7/32}
here=$(cd "$(dirname "$0")" && pwd)
account=$(aws sts get-caller-identity --query Account --output text)
vpc=$(aws ec2 describe-vpcs --region "$region" --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId' --output text)
if [ "$vpc" = None ]; then
  echo "error: $region has no default VPC: make one by aws ec2 create-default-vpc --region $region" >&2
  exit 2
fi

location=()
[ "$region" = us-east-1 ] || location=(--create-bucket-configuration "LocationConstraint=$region")
aws s3api create-bucket --bucket "$bucket" --region "$region" "${location[@]}"
aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true

group=$(aws ec2 create-security-group --region "$region" --vpc-id "$vpc" --group-name sweeper \
  --description "Nodes of sweeper" --query GroupId --output text)
aws ec2 authorize-security-group-ingress --region "$region" --group-id "$group" --protocol tcp --port 22 --cidr "$ssh_from"
aws ec2 authorize-security-group-ingress --region "$region" --group-id "$group" --protocol=-1 --source-group "$group"

policy() {
  sed -e "s/BUCKET/$bucket/g" -e "s/REGION/$region/g" -e "s/ACCOUNT/$account/g" -e "s/GROUP/$group/g" "$here/$1"
}
for node in head worker; do
  role=sweeper-$node
  aws iam create-role --role-name "$role" --assume-role-policy-document "file://$here/trust-policy.json"
  aws iam put-role-policy --role-name "$role" --policy-name store --policy-document "$(policy worker-policy.json)"
  aws iam create-instance-profile --instance-profile-name "$role"
  aws iam add-role-to-instance-profile --instance-profile-name "$role" --role-name "$role"
done
aws iam put-role-policy --role-name sweeper-head --policy-name autoscaler --policy-document "$(policy head-policy.json)"

# Spot instances need a role of AWS's own, which an account has once it has used any.
aws iam create-service-linked-role --aws-service-name spot.amazonaws.com || true
